// One part of an interval as a point for the CPU budget: packets of pods per second, and how busy the cores were.

import type { LoadFacts } from '../../schema/load_facts.ts'
import { coreLoads } from './cores.ts'
import { packetsOf, type Reading } from './load_rates.ts'

const NS = 1e9

export function pointBetween(before: Reading, after: Reading): LoadFacts['points'][number] {
  const seconds = (after.atMs - before.atMs) / 1000
  const cores = coreLoads(before.cores, after.cores, seconds)
  return {
    rps: Math.max(0, packetsOf(after) - packetsOf(before)) / seconds,
    busyNsPerSecond: cores.reduce((sum, c) => sum + (1 - c.idle), 0) * NS,
    // The scheduler moves threads away from a core that softirqs fill; these themselves stay.
    coreShares: cores.map((c) => c.softirq),
  }
}
