// What really came of a packet: the lanes by the programs' own counters before and after, and what was on the wire.

import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Ip } from '../../src/base/ip.ts'
import { must } from '../../src/base/result.ts'
import { type Explained, explainWalk, type WalkQuery } from '../../src/lab/walk_client.ts'
import type { AgentStatus, LaneTraffic } from '../../src/schema/agent_status.ts'
import { Capture } from '../fast_lane/capture.ts'
import type { FastCluster, Node } from '../fast_lane/cluster.ts'

export type Seen = {
  readonly arrived: boolean
  /** By the counters of the sender's node, and of the receiver's. */
  readonly sent: Counted
  readonly received: Counted
  readonly wire: 'vxlan' | 'direct' | 'none'
}
type Counted = { readonly fast: number; readonly plain: number }

const none: LaneTraffic['sent'] = { fast: { packets: 0, bytes: 0 }, plain: { packets: 0, bytes: 0 } }

/** Of this node: towards all others and among its own pods. */
const counted = ({ peers, fastLane }: AgentStatus, way: 'sent' | 'received'): Counted => {
  const all = [fastLane?.here?.[way] ?? none, ...peers.map((p) => p.lane?.[way] ?? none)]
  const sum = (lane: 'fast' | 'plain'): number => all.reduce((n, c) => n + c[lane].packets, 0)
  return { fast: sum('fast'), plain: sum('plain') }
}

const less = (a: Counted, b: Counted): Counted => ({ fast: a.fast - b.fast, plain: a.plain - b.plain })

/**
 * @param packet sends it; true if it arrived
 * @param ends addresses that it may have on the wire
 */
export async function watch(
  { segment }: FastCluster,
  nodes: { readonly near: Node; readonly far: Node },
  ends: readonly Ip[],
  packet: () => Promise<boolean>,
): Promise<Seen> {
  const before = [await nodes.near.bench.status(), await nodes.far.bench.status()] as const
  using wire = new Capture(segment, `p${nodes.near.number}`, ({ packets, isOutgoing }) => {
    const inner = packets.at(-1)
    return !isOutgoing && inner !== undefined && ends.includes(inner.dst)
  })
  const arrived = await packet()
  await sleep(20)
  const after = [await nodes.near.bench.status(), await nodes.far.bench.status()] as const
  const frames = wire.take()
  return {
    arrived,
    sent: less(counted(after[0], 'sent'), counted(before[0], 'sent')),
    received: less(counted(after[1], 'received'), counted(before[1], 'received')),
    wire: frames.length === 0 ? 'none' : frames.some((f) => f.packets.length > 1) ? 'vxlan' : 'direct',
  }
}

export type Asked = Partial<WalkQuery> & Pick<WalkQuery, 'from' | 'to'>

/** By the agents of both nodes, if there are two. */
export const explained = async (near: Node, far: Node | undefined, query: Asked): Promise<Explained> =>
  must(await explainWalk(near.bench.socket, far?.bench.socket, { changes: [], ...query }))

/** The prediction against what came of it. */
export function assertSame({ near, far }: Explained, seen: Seen, title: string): void {
  const text = JSON.stringify({ near: near.now, far: far?.now, seen })
  const { verdict } = far?.now ?? near.now
  assert.equal(verdict === 'delivered' || verdict === 'sent', seen.arrived, `${title}: verdict ${text}`)
  assert.equal(near.now.lane === 'fast', seen.sent.fast > 0, `${title}: lane ${text}`)
  if (far) assert.equal(far.now.lane === 'fast', seen.received.fast > 0, `${title}: lane there ${text}`)
  const wire = near.now.wire === undefined ? 'none' : near.now.wire.outer ? 'vxlan' : 'direct'
  assert.equal(wire, seen.wire, `${title}: path ${text}`)
}
