// Nanoseconds for a run of a program on a packet of a flow that is known. A run changes the packet, in a tunnel its
// shape too, so each call is one run; what the stopwatch itself takes is measured by a program that only counts, and here
// looks for a device that is not there.

import { must } from '../src/base/result.ts'
import { runOnPacket } from '../src/kernel/bpf/test_run.ts'
import { type Flow, incoming, outgoing, tunnelled } from './flat_frames.ts'
import type { FlatNode, Links } from './flat_node.ts'
import { kindOfPeer, OWN_ADDRESS, peerAddress } from './flat_world.ts'
import { median } from './lib/statistics.ts'

/** TC_ACT_REDIRECT: the fast lane took it. */
const REDIRECT = 7

export type Direction = 'egress' | 'ingress'

export type Sight = { readonly program: number; readonly packet: Buffer; readonly ifindex: number }

export function sightOf(node: FlatNode, flow: Flow, direction: Direction, links: Links): Sight {
  if (direction === 'egress') return { program: node.egress, packet: outgoing(flow), ifindex: links.pod }
  const direct = kindOfPeer(flow.peer) === 'direct'
  const packet = direct ? incoming(flow) : tunnelled(flow, peerAddress(flow.peer), OWN_ADDRESS)
  return { program: node.ingress, packet, ifindex: links.uplink }
}

export function runNs({ program, packet, ifindex }: Sight): number {
  const { verdict, durationNs } = must(runOnPacket(program, { packet, skb: { ifindex } }))
  if (verdict !== REDIRECT) throw new Error(`a packet was not in the fast lane: verdict ${verdict}`)
  return durationNs
}

const WARMING = 20

/** The first runs of a batch find the caches as the last batch left them. */
function batch(runs: number, one: () => number): number {
  for (let i = 0; i < WARMING; i++) one()
  return median(Array.from({ length: runs }, one))
}

export const batchNs = (sight: Sight, runs: number): number => batch(runs, () => runNs(sight))

/** What a run takes that does next to nothing. */
export const emptyBatchNs = (node: FlatNode, { packet, ifindex }: Sight, runs: number): number =>
  batch(runs, () => must(runOnPacket(node.empty, { packet, skb: { ifindex } })).durationNs)
