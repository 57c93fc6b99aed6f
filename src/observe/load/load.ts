// The node's load over an interval: counters are read at its ends, and some in between, because a load that varies by
// itself says what a packet costs. What a host does not show is named, not guessed.

import { performance } from 'node:perf_hooks'
import { setTimeout as wait } from 'node:timers/promises'
import type { LoadFacts, PathTraffic } from '../../schema/load_facts.ts'
import { readBypass } from './bypass.ts'
import { readTracking } from './connection_tracking.ts'
import { readCores } from './cores.ts'
import { pointBetween } from './load_points.ts'
import { loadBetween, type Reading } from './load_rates.ts'
import { readPodProtocols } from './pod_protocols.ts'
import { readUplink, readUplinkDrops } from './uplink_facts.ts'

/** What the agent knows: everything else is read here. */
export type Known = {
  readonly uplink: { readonly name: string; readonly mtuBytes: number } | undefined
  /** Packets and bytes of pods so far. */
  readonly traffic: readonly PathTraffic[]
  readonly flows: LoadFacts['flows']
  readonly podAddresses: ReadonlySet<string>
}

/** Ticks of 10 ms: a shorter part would say what rounding says. */
const LEAST_PART_SECONDS = 0.5
const MOST_PARTS = 20

/** @param known asked at each reading @param end throws away what was measured, at once */
export async function measureLoad(
  seconds: number,
  known: () => Promise<Known>,
  end?: AbortSignal,
): Promise<LoadFacts> {
  const parts = Math.max(1, Math.min(MOST_PARTS, Math.floor(seconds / LEAST_PART_SECONDS)))
  const first = await read(known, true)
  const readings = [first]
  for (let part = 1; part <= parts; part++) {
    const dueMs = first.atMs + (seconds * 1000 * part) / parts
    await wait(Math.max(0, dueMs - performance.now()), undefined, end ? { signal: end } : {})
    readings.push(await read(known, part === parts))
  }
  const last = readings.at(-1) ?? first
  const points = readings.slice(1).map((now, i) => pointBetween(readings[i] ?? first, now))
  const { uplink } = last.known
  return {
    ...loadBetween(first, last),
    ...(uplink ? { uplink: { ...readUplink(uplink.name, uplink.mtuBytes), ...dropRates(first, last) } } : {}),
    bypass: readBypass(),
    points,
  }
}

async function read(known: () => Promise<Known>, isEnd: boolean): Promise<Reading> {
  const said = await known()
  return {
    atMs: performance.now(),
    cores: readCores(),
    known: said,
    uplinkDrops: said.uplink ? readUplinkDrops(said.uplink.name) : { receiving: 0, sending: 0 },
    tracking: readTracking(),
    // Looks at all processes: only where it is needed.
    pods: isEnd ? await readPodProtocols(said.podAddresses) : undefined,
  }
}

function dropRates(first: Reading, last: Reading) {
  const seconds = (last.atMs - first.atMs) / 1000
  const rate = (key: 'receiving' | 'sending'): number =>
    Math.max(0, last.uplinkDrops[key] - first.uplinkDrops[key]) / seconds
  return { droppedReceiving: rate('receiving'), droppedSending: rate('sending') }
}
