// Removes events an hour after they happened last, as the real server's storage does.

import { textAt } from './json.ts'
import { events } from './kinds/event.ts'
import { namespaceOf } from './object.ts'
import type { Store } from './store.ts'

const LIFE_MS = 3_600_000
const SWEEP_MS = 60_000

export function startEventExpiry(store: Store): { readonly close: () => void } {
  const timer = setInterval(() => sweepEvents(store), SWEEP_MS)
  timer.unref()
  return { close: () => clearInterval(timer) }
}

export function sweepEvents(store: Store): void {
  const oldest = store.clock.nowMs() - LIFE_MS
  for (const event of store.list(events)) {
    const time = Date.parse(textAt(event, 'lastTimestamp') || (event.metadata.creationTimestamp ?? ''))
    if (time < oldest) store.remove(events, namespaceOf(event), event.metadata.name)
  }
}
