// Waiting for a fact instead of for a time. A fact that does not come within the limit is named.

import { setTimeout as sleep } from 'node:timers/promises'

/** In an emulated guest everything takes its time: what waits, waits so many times longer. */
export const slowness = Number(process.env.PODLANE_TEST_SLOWNESS ?? '1')

export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  timeoutMs = 10_000,
): Promise<void> {
  const end = Date.now() + timeoutMs * slowness
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`)
    await sleep(15)
  }
}
