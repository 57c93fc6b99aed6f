// Two readings of a node's counters → rates between them, and what could not be read.

import type { LoadFacts, PathTraffic } from '../../schema/load_facts.ts'
import type { Tracking } from './connection_tracking.ts'
import { type CoreCounts, coreLoads } from './cores.ts'
import type { Known } from './load.ts'
import { type PodProtocols, podRates } from './pod_protocols.ts'
import type { UplinkDrops } from './uplink_facts.ts'

export type Reading = {
  readonly atMs: number
  readonly cores: readonly CoreCounts[]
  readonly known: Known
  readonly uplinkDrops: UplinkDrops
  readonly tracking: Tracking | undefined
  readonly pods: PodProtocols | undefined
}

type Rates = Pick<
  LoadFacts,
  'seconds' | 'cores' | 'traffic' | 'flows' | 'conntrack' | 'connections' | 'bufferErrors' | 'missing'
>

export const packetsOf = ({ known }: Reading): number => known.traffic.reduce((sum, t) => sum + t.packets, 0)

export function loadBetween(first: Reading, last: Reading): Rates {
  const seconds = (last.atMs - first.atMs) / 1000
  const pods = first.pods && last.pods ? podRates(first.pods, last.pods, seconds) : undefined
  const { flows } = last.known
  return {
    seconds,
    cores: coreLoads(first.cores, last.cores, seconds),
    traffic: last.known.traffic.map((now) => ({ ...now, ...rateOf(now, first.known.traffic, seconds) })),
    ...(flows ? { flows } : {}),
    ...(last.tracking ? { conntrack: trackingOf(first.tracking, last.tracking, seconds) } : {}),
    ...pods,
    missing: [
      ...(pods ? [] : ['how many connections pods open is not seen: no process of theirs is']),
      ...(flows ? [] : ['no fast lane, and no table of its flows']),
      ...(last.known.uplink ? [] : ['no uplink']),
    ],
  }
}

function rateOf(now: PathTraffic, before: readonly PathTraffic[], seconds: number) {
  const then = before.find((t) => t.path === now.path && t.lane === now.lane && t.direction === now.direction)
  return {
    packets: Math.max(0, now.packets - (then?.packets ?? 0)) / seconds,
    bytes: Math.max(0, now.bytes - (then?.bytes ?? 0)) / seconds,
  }
}

function trackingOf(first: Tracking | undefined, last: Tracking, seconds: number) {
  const { entries, most, refused } = last
  return { entries, most, refused: Math.max(0, refused - (first?.refused ?? refused)) / seconds }
}
