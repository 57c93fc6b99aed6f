// Whether anybody else works on the cores: agents that have just started, or other programs of the machine.

import { setTimeout as sleep } from 'node:timers/promises'
import { measureTraffic, NOWHERE } from './lib/traffic.ts'

/** Of the cores without traffic: more is not a measuring machine's own housekeeping. */
const BUSY_SHARE = 0.05
const LOOK_MS = 300
const PAUSE_MS = 700

/** Waits for cores at rest, and says so when they do not come to it in that time. */
export async function waitForRest(cpus: readonly [number, number], seconds: number): Promise<void> {
  const endMs = performance.now() + seconds * 1_000
  let busyShare = restShare(cpus)
  while (busyShare > BUSY_SHARE && performance.now() < endMs) {
    await sleep(PAUSE_MS)
    busyShare = restShare(cpus)
  }
  if (busyShare > BUSY_SHARE)
    console.error(
      `others use ${Math.round(busyShare * 100)} % of the cores: these are no figures of the paths`,
    )
}

function restShare(cpus: readonly [number, number]): number {
  const rest = measureTraffic('rest', NOWHERE, LOOK_MS, cpus)
  return (rest.busyUs ?? 0) / 1e6 / rest.seconds / new Set(cpus).size
}
