// Whose packets the time of each stage was: the stack says where a packet can only have gone one way (a tunnel device's
// functions, forwarding, our redirect, our own encapsulation); the rest goes by numbers of packets. Pure.

import type { PathCost, PodCost } from '../../schema/profile_report.ts'
import { STAGES, type Stage } from '../../schema/stages.ts'
import { CONTEXT } from './function_table.ts'
import { timeInterval } from './poisson.ts'
import { contextOfCell, stageOfCell, type Tally } from './tally.ts'

/** Packets of pods in the interval, sent and received. */
export type PathPackets = Pick<PathCost, 'path' | 'lane' | 'packets'>
type Sum = { readonly ns: Float64Array; squares: number }
type Eligible = (p: PathPackets) => boolean

const TUNNEL: readonly (Stage | undefined)[] = ['encapsulation', 'decapsulation']
/** Pods' packets meet the host's hooks only in the plain lane. */
const HOOKS: readonly (Stage | undefined)[] = ['netfilter', 'conntrack', 'bridge']

const isPlainTunnel: Eligible = ({ path, lane }) => path === 'vxlan' && lane === 'plain'
const isFastTunnel: Eligible = ({ path, lane }) => path === 'vxlan' && lane === 'fast'
const isPlain: Eligible = ({ lane }) => lane === 'plain'
const isFast: Eligible = ({ lane }) => lane === 'fast'

function eligibleFor(cell: number): Eligible {
  const context = contextOfCell(cell)
  const stage = STAGES[stageOfCell(cell)]
  if ((context & CONTEXT.vxlan) !== 0 || TUNNEL.includes(stage)) return isPlainTunnel
  if ((context & CONTEXT.grown) !== 0) return isFastTunnel
  if ((context & CONTEXT.forwarded) !== 0 || HOOKS.includes(stage)) return isPlain
  return (context & CONTEXT.redirected) !== 0 ? isFast : () => true
}

/** Time that no path with packets can have caused (a foreign tunnel) is in none. */
export function pathCosts(tally: Tally, packets: readonly PathPackets[]): PathCost[] {
  const busy = packets.filter((p) => p.packets > 0)
  const sums = new Map(
    busy.map((p): [PathPackets, Sum] => [p, { ns: new Float64Array(STAGES.length), squares: 0 }]),
  )
  for (const [cell, ns] of tally.cellNs.entries()) {
    if (ns <= 0) continue
    const mine = busy.filter(eligibleFor(cell))
    const all = mine.reduce((n, p) => n + p.packets, 0)
    for (const p of mine) {
      const sum = sums.get(p)
      if (!sum) continue
      const stage = stageOfCell(cell)
      sum.ns[stage] = (sum.ns[stage] ?? 0) + (ns * p.packets) / all
      sum.squares += ((tally.cellSquares[cell] ?? 0) * p.packets ** 2) / all ** 2
    }
  }
  return [...sums].map(([p, { ns, squares }]) => costOf(p, ns, squares))
}

function costOf(p: PathPackets, ns: Float64Array, squares: number): PathCost {
  const all = ns.reduce((a, b) => a + b, 0)
  const { lowNs, highNs } = timeInterval(all, squares, 0)
  return {
    ...p,
    nsPerPacket: all / p.packets,
    lowNs: lowNs / p.packets,
    highNs: highNs / p.packets,
    stages: STAGES.map((stage, i) => ({ stage, nsPerPacket: (ns[i] ?? 0) / p.packets }))
      .filter((s) => s.nsPerPacket > 0)
      .sort((a, b) => b.nsPerPacket - a.nsPerPacket),
  }
}

/** A pod's packets in the interval, by lane. */
export type PodPackets = Pick<PodCost, 'namespace' | 'name' | 'addresses' | 'bytes'> & {
  readonly packets: { readonly fast: number; readonly plain: number }
}

/**
 * A packet costs a pod what it costs on average in its lane; between pods of one node each bears one end's half. All
 * together bear no more than there is: pods and paths are not counted in one instant.
 */
export function podCosts(
  pods: readonly PodPackets[],
  paths: readonly PathCost[],
  packetNs: number,
): PodCost[] {
  const cost = { fast: averageNs(paths, 'fast'), plain: averageNs(paths, 'plain') }
  const nsOf = ({ packets }: PodPackets): number => packets.fast * cost.fast + packets.plain * cost.plain
  const all = pods.reduce((sum, pod) => sum + nsOf(pod), 0)
  const borne = all > packetNs ? packetNs / all : 1
  return pods
    .map(({ packets, ...pod }) => {
      const ns = nsOf({ packets, ...pod }) * borne
      const share = packetNs > 0 ? ns / packetNs : 0
      return { ...pod, packets: packets.fast + packets.plain, ns, share }
    })
    .filter((pod) => pod.packets > 0)
    .sort((a, b) => b.ns - a.ns)
}

/** A packet from pod to pod of one node is in the counts of both pods. */
const packetsOfPods = (paths: readonly PathPackets[]): number =>
  paths.reduce((n, p) => n + p.packets * (p.path === 'here' ? 2 : 1), 0)

/**
 * Pods' packets that are in no path's count: to a Service, the node or the world outside, and from them. They take the
 * stack as plain ones do. What a pod that has left meanwhile had of them is not known.
 */
export function withOthers(
  paths: readonly PathPackets[],
  pods: readonly PodPackets[],
): readonly PathPackets[] {
  const plain = pods.reduce((n, pod) => n + pod.packets.plain, 0)
  const packets = plain - packetsOfPods(paths.filter(isPlain))
  return packets > 0 ? [...paths, { path: 'other', lane: 'plain', packets }] : paths
}

function averageNs(paths: readonly PathCost[], lane: PathCost['lane']): number {
  const own = paths.filter((p) => p.lane === lane)
  const packets = packetsOfPods(own)
  return packets > 0 ? own.reduce((n, p) => n + p.nsPerPacket * p.packets, 0) / packets : 0
}
