// Waiting for a fact instead of for a time. A fact that does not come within the limit is named.

import { setTimeout as sleep } from 'node:timers/promises'

export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  timeoutMs = 10_000,
): Promise<void> {
  const end = Date.now() + timeoutMs
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`)
    await sleep(15)
  }
}
