// Traffic by kind of path and lane, over all peers: a label for each peer would be a thousand series on each of a
// thousand nodes. A sum falls when a peer leaves, which a reader of counters takes for a restart; this one only grows.

import type { AgentStatus, LaneTraffic, PathKind } from '../schema/agent_status.ts'

export type PathTotal = {
  readonly path: PathKind | 'here'
  readonly lane: 'fast' | 'plain'
  readonly direction: 'sent' | 'received'
  readonly packets: number
  readonly bytes: number
}
type Count = { readonly packets: number; readonly bytes: number }
const NONE: Count = { packets: 0, bytes: 0 }
const LANES = ['fast', 'plain'] as const
const DIRECTIONS = ['sent', 'received'] as const

export class PathTotals {
  /** BOUNDED by the paths: those that have left are forgotten at each look. */
  #last = new Map<string, Count>()
  /** BOUNDED by kinds of paths, lanes and directions. */
  readonly #totals = new Map<string, PathTotal>()

  /** What a status says, added to all that was seen before. */
  look(status: Pick<AgentStatus, 'fastLane' | 'peers'>): readonly PathTotal[] {
    const seen = new Map<string, Count>()
    if (status.fastLane?.here) this.#add('here', 'here', status.fastLane.here, seen)
    for (const { name, path, lane } of status.peers) if (lane) this.#add(path, `${path} ${name}`, lane, seen)
    this.#last = seen
    return [...this.#totals.values()]
  }

  #add(path: PathTotal['path'], name: string, traffic: LaneTraffic, seen: Map<string, Count>): void {
    for (const direction of DIRECTIONS)
      for (const lane of LANES) {
        const now = traffic[direction][lane]
        seen.set(`${name} ${lane} ${direction}`, now)
        const before = this.#last.get(`${name} ${lane} ${direction}`) ?? NONE
        const key = `${path} ${lane} ${direction}`
        const total = this.#totals.get(key) ?? NONE
        this.#totals.set(key, {
          path,
          lane,
          direction,
          packets: total.packets + grown(now.packets, before.packets),
          bytes: total.bytes + grown(now.bytes, before.bytes),
        })
      }
  }
}

/** A count that is smaller than before has begun again. */
const grown = (now: number, before: number): number => (now >= before ? now - before : now)
