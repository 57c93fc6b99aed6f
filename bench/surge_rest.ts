// Whether anybody else works on the cores: agents that have just started, or other programs of the machine.

import { cpus } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

/** Of a core: more is not a measuring machine's own housekeeping. /proc/stat tells it in ticks of 10 ms. */
const BUSY_SHARE = 0.08
const LOOK_MS = 250

/** Waits for all cores at rest. @returns false where they do not come to it in that time */
export async function restWithin(seconds: number): Promise<boolean> {
  const endMs = performance.now() + seconds * 1_000
  let busyShare = await busiest()
  while (busyShare > BUSY_SHARE && performance.now() < endMs) busyShare = await busiest()
  return busyShare <= BUSY_SHARE
}

/** Share of the busiest core. */
async function busiest(): Promise<number> {
  const before = cpus()
  const fromMs = performance.now()
  await sleep(LOOK_MS)
  const tookMs = performance.now() - fromMs
  return Math.max(
    ...cpus().map(({ times }, i) => 1 - (times.idle - (before[i]?.times.idle ?? times.idle)) / tookMs),
  )
}
