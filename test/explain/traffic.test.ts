// What `explain` says before a packet is sent, and what comes of the packet, for every kind of pair.

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { familyOf, type Ip } from '../../src/base/ip.ts'
import { type FastCluster, families, fastCluster, type Node, type Pod } from '../fast_lane/cluster.ts'
import { echo } from '../fast_lane/echo.ts'
import { byClsact, onEveryLane, overIpv6 } from '../fast_lane/lanes.ts'
import { Talk } from '../fast_lane/talk.ts'
import { addressOf, type Host } from '../guard/cluster.ts'
import { assertSame, explained, watch } from './seen.ts'

const PORT = 8080
const limit = { ingressRate: 100_000_000, ingressBurst: 2_000_000, egressRate: 0, egressBurst: 0 }

type Pods = { readonly a: Pod; readonly beside: Pod; readonly slow: Pod; readonly b: Pod }
type End = Pick<Host, 'ns' | 'addresses'>
type Case = {
  readonly what: string
  readonly from: readonly [name: string, end: End, node: Node]
  readonly to: readonly [end: End, node: Node | undefined]
}

/** One of each kind that `podlane lab check` asks about. */
function casesOf({ nodes, outside }: FastCluster, { a, beside, slow, b }: Pods): Case[] {
  const [one, two] = nodes
  const row = (what: string, from: Case['from'], to: Case['to']): Case => ({ what, from, to })
  return [
    row('pod to pod, same node', ['a', a, one], [beside, one]),
    row('pod to pod, other node', ['a', a, one], [b, two]),
    row('pod back', ['b', b, two], [a, one]),
    row('pod to a limited pod, same node', ['a', a, one], [slow, one]),
    row('pod to a limited pod, other node', ['b', b, two], [slow, one]),
    row('limited pod to pod', ['slow', slow, one], [b, two]),
    row('pod to its node', ['a', a, one], [one, one]),
    row('pod to the other node', ['a', a, one], [two, two]),
    row('node to its pod', ['node', one, one], [a, one]),
    row('node to a pod of the other', ['node', one, one], [b, two]),
    row('pod to outside', ['a', a, one], [outside, undefined]),
  ]
}

async function askOne(cluster: FastCluster, { what, from, to }: Case, v: 4 | 6): Promise<void> {
  const [fromName, sender, near] = from
  const [target, there] = to
  const address = addressOf(target, v)
  const title = `${what}, IPv${v}`
  const far = there === near ? undefined : there
  const said = await explained(near, far, {
    from: fromName,
    to: address,
    port: PORT,
    protocol: 'udp',
  })
  let seenAs: Ip | undefined
  const other = cluster.nodes.find((n) => n !== near)
  assert.ok(other)
  const seen = await watch(cluster, { near, far: far ?? other }, [address], async () => {
    using talk = await Talk.open({ from: sender.ns, to: address, port: PORT, protocol: 'udp' })
    seenAs = await talk.ask('hello').catch(() => undefined)
    return seenAs !== undefined
  })
  assertSame(said, seen, title)
  // Nodes without an address of a family have no way out for it.
  assert.equal(seen.arrived, there !== undefined || hasFamily(near, v), title)
  const source = said.near.now.wire?.packet.source
  if (source !== undefined && seen.arrived) assert.equal(seenAs, source, `${title}: seen as`)
  assert.ok(said.near.tookMs < 1000, `${title}: ${said.near.tookMs} ms`)
}

const hasFamily = ({ addresses }: Pick<Host, 'addresses'>, v: 4 | 6): boolean =>
  addresses.some((a) => familyOf(a) === v)
const hasBoth = ({ from, to }: Case, v: 4 | 6): boolean => hasFamily(from[1], v) && hasFamily(to[0], v)

async function askAll(t: TestContext, cluster: FastCluster): Promise<void> {
  const [one, two] = cluster.nodes
  const pods: Pods = {
    a: await one.pod('a'),
    beside: await one.pod('beside'),
    slow: await one.pod('slow', { bandwidth: limit }),
    b: await two.pod('b'),
  }
  for (const node of cluster.nodes) await node.bench.settled()
  const ends = [...Object.values(pods), one, two, cluster.outside]
  for (const { ns, addresses } of ends) for (const ip of addresses) await echo(t, { ns, ip, port: PORT })
  for (const pair of casesOf(cluster, pods))
    for (const v of families) if (hasBoth(pair, v)) await askOne(cluster, pair, v)
}

for (const each of [onEveryLane, overIpv6, byClsact])
  each('explain predicts verdict, lane, path and source of every kind of pair', async (t, setting) =>
    askAll(t, await fastCluster(t, setting)),
  )
