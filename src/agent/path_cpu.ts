// CPU time by kind of path and lane as a counter: each look's share added to all that came before. Divided by
// podlane_path_packets_total it is what a packet costs, over any interval that a reader asks for.

import { pathCosts } from '../observe/profile/path_costs.ts'
import { since, type Tally } from '../observe/profile/tally.ts'
import type { Metric } from '../schema/exposition.ts'
import type { PathCost } from '../schema/profile_report.ts'
import { type PodCounts, trafficBetween } from './profile_traffic.ts'

type PathSeconds = Pick<PathCost, 'path' | 'lane'> & { readonly value: number }

export class PathCpu {
  #last: { readonly tally: Tally; readonly counts: PodCounts } | undefined
  /** By path and lane. BOUNDED by their kinds. */
  readonly #seconds = new Map<string, PathSeconds>()

  /** The first look only begins: whose the time before it was is not known. Without samples there is no metric. */
  look(tally: Tally, counts: PodCounts): Metric {
    const from = this.#last
    this.#last = { tally, counts }
    if (tally.samples > 0) this.#begin(counts)
    if (from && tally.samples > from.tally.samples)
      this.#add(pathCosts(since(tally, from.tally), trafficBetween(from.counts, counts).paths))
    return {
      name: 'podlane_path_cpu_seconds_total',
      type: 'counter',
      help: 'CPU time of pods’ packets, by kind of path and lane, estimated from samples.',
      samples: [...this.#seconds.values()].map(({ path, lane, value }) => ({
        labels: { path, lane },
        value,
      })),
    }
  }

  /** A counter is 0 before it grows, so that its first growth is seen. */
  #begin({ totals, hasPods }: PodCounts): void {
    const rest = hasPods ? [{ path: 'other', lane: 'plain' } as const] : []
    for (const { path, lane } of [...totals, ...rest])
      if (path !== 'none' && !this.#seconds.has(keyOf(path, lane)))
        this.#seconds.set(keyOf(path, lane), { path, lane, value: 0 })
  }

  #add(costs: readonly PathCost[]): void {
    for (const { path, lane, nsPerPacket, packets } of costs) {
      const key = keyOf(path, lane)
      const before = this.#seconds.get(key)?.value ?? 0
      this.#seconds.set(key, { path, lane, value: before + (nsPerPacket * packets) / 1e9 })
    }
  }
}

const keyOf = (path: string, lane: string): string => `${path} ${lane}`
