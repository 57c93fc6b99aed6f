// The objects of one resource, sorted by `namespace/name`, with the latest events. A list is a copy of pointers, so
// it stays what it was while the table moves on.

import type { KubeObject } from './object.ts'
import { namespaceOf } from './object.ts'

export type EventType = 'ADDED' | 'MODIFIED' | 'DELETED'

export type StoreEvent = {
  readonly type: EventType
  /** For DELETED the last state, with the revision of the deletion. */
  readonly object: KubeObject
  readonly previous: KubeObject | undefined
  readonly revision: number
  /** The encoded watch lines by event type, filled by the first watcher that needs one. */
  readonly lines: Partial<Record<EventType, string>>
}

type Entry = { readonly since: number; readonly watcher: (event: StoreEvent) => void }

export type Collection = {
  readonly get: (key: string) => KubeObject | undefined
  readonly list: (namespace: string) => readonly KubeObject[]
  readonly size: () => number
  /** Kept events later than the revision, oldest first. */
  readonly after: (revision: number) => readonly StoreEvent[]
  readonly forget: (upTo: number) => void
  readonly write: (event: StoreEvent, window: number) => void
  readonly watchers: Set<Entry>
  /** Revision of the latest event that is no longer kept. */
  readonly droppedUpTo: number
}

/** '-' and '.' sort before '/', so the objects of one namespace stand together. */
export const keyOf = (namespace: string, name: string): string => `${namespace}/${name}`

export const publish = (target: Collection, event: StoreEvent, window: number): void =>
  target.write(event, window)

export function emptyCollection(born: number): Collection {
  const objects = new Map<string, KubeObject>()
  const keys: string[] = []
  let history: StoreEvent[] = []
  // Events before this index are dropped but not yet cut off: one cut per window instead of one per event.
  let start = 0
  let droppedUpTo = born

  const record = (event: StoreEvent, window: number): void => {
    history.push(event)
    while (history.length - start > window) droppedUpTo = history[start++]?.revision ?? droppedUpTo
    if (start > window) {
      history = history.slice(start)
      start = 0
    }
  }

  return {
    get: (key) => objects.get(key),
    size: () => keys.length,
    list: (namespace) => {
      // '0' follows '/': the range [ns/, ns0) holds exactly the namespace.
      const [from, to] = namespace
        ? [lowerBound(keys, `${namespace}/`), lowerBound(keys, `${namespace}0`)]
        : [0, keys.length]
      return keys.slice(from, to).flatMap((key) => objects.get(key) ?? [])
    },
    after: (revision) => {
      let first = history.length
      while (first > start && (history[first - 1]?.revision ?? 0) > revision) first--
      return history.slice(first)
    },
    forget: (upTo) => {
      history = []
      start = 0
      droppedUpTo = upTo
    },
    write: (event, window) => {
      const key = keyOf(namespaceOf(event.object), event.object.metadata.name)
      const index = lowerBound(keys, key)
      if (event.type === 'DELETED') {
        keys.splice(index, 1)
        objects.delete(key)
      } else {
        if (event.type === 'ADDED') keys.splice(index, 0, key)
        objects.set(key, event.object)
      }
      record(event, window)
    },
    watchers: new Set(),
    get droppedUpTo() {
      return droppedUpTo
    },
  }
}

/** Index of the first key that is not less. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((keys[middle] ?? '') < key) low = middle + 1
    else high = middle
  }
  return low
}
