// What the hops of a walk cost, where something has measured it: programs by their own run statistics, the stack's stages
// by the stage profile of this node. PURE.

import type { Hop, Walk } from '../../schema/walk.ts'

/** One row of a stage profile's paths (src/schema/profile_report.ts has more of it). */
export type PathCost = {
  readonly path: 'here' | 'direct' | 'vxlan' | 'other'
  readonly lane: 'fast' | 'plain'
  readonly nsPerPacket: number
  readonly stages: readonly { readonly stage: string; readonly nsPerPacket: number }[]
}

/** The stages that a hop stands for. */
const STAGES: Readonly<Partial<Record<Hop['kind'], readonly string[]>>> = {
  pod: ['veth'],
  program: ['ebpf'],
  guard: ['netfilter'],
  conntrack: ['conntrack'],
  route: ['routing'],
  encapsulation: ['encapsulation'],
  decapsulation: ['decapsulation'],
  uplink: ['transmit', 'driver', 'gro'],
}

/** What leaves the cluster, or comes from outside, is no path's between nodes. What ends early costs less than that. */
const pathOf = ({ path, verdict }: Walk): PathCost['path'] | undefined => {
  if (path !== 'none') return path
  return verdict === 'sent' || verdict === 'delivered' ? 'other' : undefined
}

/** A hop's own figure stays. What a profile has of a path goes to the first hop of each kind. */
export function withCosts(walk: Walk, costs: readonly PathCost[]): Walk {
  const row = costs.find((c) => c.path === pathOf(walk) && c.lane === walk.lane)
  if (!row) return walk
  const given = new Set<string>()
  const hops = walk.hops.map((h): Hop => {
    if (h.costNs !== undefined || given.has(h.kind)) return h
    const stages = row.stages.filter((s) => STAGES[h.kind]?.includes(s.stage))
    if (stages.length === 0) return h
    given.add(h.kind)
    return { ...h, costNs: stages.reduce((sum, s) => sum + s.nsPerPacket, 0) }
  })
  return { ...walk, hops, costNs: row.nsPerPacket }
}
