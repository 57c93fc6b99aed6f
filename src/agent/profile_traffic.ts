// What the programs have counted of packets, by path and lane and by pod, so that two looks can be subtracted.

import { type PathPackets, type PodPackets, withOthers } from '../observe/profile/path_costs.ts'
import type { Traffic } from '../observe/profile/report.ts'
import { type PathTotal, PathTotals } from './path_totals.ts'
import type { CountsView } from './status.ts'

type Pod = CountsView['pods'][number]
export type PodCounts = {
  readonly totals: readonly PathTotal[]
  /** By container. */
  readonly pods: ReadonlyMap<string, Pod>
  readonly hasPaths: boolean
  readonly hasPods: boolean
}

export class TrafficCounts {
  readonly #totals = new PathTotals()

  look(status: CountsView): PodCounts {
    const counted = status.pods.filter((p) => p.traffic !== undefined)
    return {
      totals: this.#totals.look(status),
      pods: new Map(counted.map((p) => [p.containerId, p])),
      hasPaths: status.fastLane?.state === 'on',
      hasPods: counted.length > 0,
    }
  }
}

export function trafficBetween(from: PodCounts, to: PodCounts): Traffic {
  const pods = podPackets(from.pods, to.pods)
  return { paths: withOthers(pathPackets(from.totals, to.totals), pods), pods }
}

/** Both directions together. */
function pathPackets(from: readonly PathTotal[], to: readonly PathTotal[]): PathPackets[] {
  const before = new Map(from.map((t) => [`${t.path} ${t.lane} ${t.direction}`, t.packets]))
  const sums = new Map<string, PathPackets>()
  for (const { path, lane, direction, packets } of to) {
    if (path === 'none') continue
    const key = `${path} ${lane}`
    const grown = packets - (before.get(`${key} ${direction}`) ?? 0)
    sums.set(key, { path, lane, packets: (sums.get(key)?.packets ?? 0) + grown })
  }
  return [...sums.values()]
}

function podPackets(from: ReadonlyMap<string, Pod>, to: ReadonlyMap<string, Pod>): PodPackets[] {
  return [...to].flatMap(([id, { namespace, name, addresses, traffic }]) => {
    if (!traffic) return []
    const before = from.get(id)?.traffic
    const grown = (lane: 'fast' | 'plain', of: 'packets' | 'bytes'): number =>
      traffic.sent[lane][of] +
      traffic.received[lane][of] -
      (before ? before.sent[lane][of] + before.received[lane][of] : 0)
    return {
      ...(namespace === undefined ? {} : { namespace }),
      ...(name === undefined ? {} : { name }),
      addresses,
      packets: { fast: grown('fast', 'packets'), plain: grown('plain', 'packets') },
      bytes: grown('fast', 'bytes') + grown('plain', 'bytes'),
    }
  })
}
