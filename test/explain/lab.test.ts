// In a lab of three nodes on two segments, one of them in the plain lane: what `podlane lab explain` says of every pair of
// pods is what the programs count and what is on the wire.

import '../lab_name.ts'
import assert from 'node:assert/strict'
import { closeSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseIp } from '../../src/base/ip.ts'
import { must } from '../../src/base/result.ts'
import { NETLINK_ROUTE, NetlinkSocket } from '../../src/kernel/netlink/socket.ts'
import { openNetns, withNetns } from '../../src/kernel/netns.ts'
import { udpEcho } from '../../src/lab/check/probes.ts'
import { takeDown } from '../../src/lab/down.ts'
import { nodeNames } from '../../src/lab/enter.ts'
import { labEnds } from '../../src/lab/explain.ts'
import { askNodeStatus, type NodePod } from '../../src/lab/node_status.ts'
import { agentSocket, netnsFile } from '../../src/lab/paths.ts'
import { askSocket } from '../../src/lab/socket_client.ts'
import { askAgentStatus } from '../../src/lab/status.ts'
import { type Explained, explainWalk } from '../../src/lab/walk_client.ts'
import type { LaneTraffic } from '../../src/schema/agent_status.ts'
import { Capture } from '../fast_lane/capture.ts'
import { bringUp } from '../lab_runs.ts'
import type { TestNamespace } from '../namespaces.ts'

type Pod = NodePod & { readonly node: string }
type Counted = Readonly<Record<string, { readonly sent: number; readonly received: number }>>

async function fastPackets(): Promise<Counted> {
  const of = await Promise.all(
    nodeNames().map(async (name) => {
      const { peers, fastLane } = must(await askAgentStatus(name))
      const traffic = [fastLane?.here, ...peers.map((p) => p.lane)].filter((t) => t !== undefined)
      const sum = (way: keyof LaneTraffic): number => traffic.reduce((n, c) => n + c[way].fast.packets, 0)
      return [name, { sent: sum('sent'), received: sum('received') }] as const
    }),
  )
  return Object.fromEntries(of)
}

/** A node of the lab, as captures want it. */
function entered(node: string): TestNamespace & { readonly close: () => void } {
  const path = netnsFile(node)
  const fd = openNetns(path)
  const inside = <T>(work: () => T): T => withNetns(fd, work)
  const route = inside(() => new NetlinkSocket(NETLINK_ROUTE))
  const close = (): void => {
    route.close()
    closeSync(fd)
  }
  return { path, fd, inside, route, close }
}

async function readPods(): Promise<Pod[]> {
  const all = await Promise.all(
    nodeNames().map(async (node) => must(await askNodeStatus(node)).pods.map((p) => ({ ...p, node }))),
  )
  return all.flat().filter((p) => !p.hostNetwork)
}

const explained = async (from: string, to: string, port: number): Promise<Explained> => {
  const ends = must(await labEnds(from, to))
  return must(
    await explainWalk(ends.socket, ends.peerSocket, { ...ends, port, protocol: 'udp', changes: [] }),
  )
}

async function checkPair(from: Pod, to: Pod, address: string): Promise<string> {
  const port = to.containers[0]?.udpEcho[0] ?? 0
  const said = await explained(`${from.namespace}/${from.name}`, address, port)
  const { near, far } = said
  const ns = entered(to.node)
  const before = await fastPackets()
  const isMine = (ip: string | undefined): boolean => ip === address
  const capture = new Capture(ns, 'eth0', (f) => !f.isOutgoing && isMine(f.packets.at(-1)?.dst))
  const pod = openNetns(from.netns)
  const why = await udpEcho(pod, must(parseIp(address)), port)
  closeSync(pod)
  await sleep(5)
  const frames = capture.take()
  capture[Symbol.dispose]()
  ns.close()
  const after = await fastPackets()
  const wire = frames.length === 0 ? 'here' : frames.some((f) => f.packets.length > 1) ? 'vxlan' : 'direct'
  const grown = (node: string, way: 'sent' | 'received'): boolean =>
    (after[node]?.[way] ?? 0) > (before[node]?.[way] ?? 0)
  const title = `${from.name} to ${address}: ${JSON.stringify({ near: near.now, far: far?.now })}`
  assert.equal((far ?? near).now.verdict, 'delivered', title)
  assert.equal(why, undefined, title)
  assert.equal(near.now.path, wire, title)
  assert.equal(near.now.lane === 'fast', grown(from.node, 'sent'), `sent, ${title}`)
  if (far) assert.equal(far.now.lane === 'fast', grown(to.node, 'received'), `received, ${title}`)
  return `${near.now.lane} ${far?.now.lane ?? ''} ${wire}`
}

test('explain is right about lane and path of every pair of pods of a lab', async (t) => {
  must(await takeDown())
  t.after(async () => must(await takeDown()))
  await bringUp({ nodes: 3, pods: 1, segments: 2, families: 'dual' })
  must(await askSocket(agentSocket('node2'), 'PUT', '/lane', { lane: 'plain' }))
  const pods = await readPods()
  const kinds = new Set<string>()
  for (const from of pods)
    for (const to of pods)
      if (from !== to) for (const address of to.addresses) kinds.add(await checkPair(from, to, address))
  assert.deepEqual(
    [...kinds].sort(),
    [
      'fast fast vxlan',
      'fast plain direct',
      'plain fast direct',
      'plain fast vxlan',
      'fast plain vxlan',
    ].sort(),
  )
})

test('explain names a pod of the lab that is meant, and does not guess', async (t) => {
  must(await takeDown())
  t.after(async () => must(await takeDown()))
  await bringUp({ nodes: 1, pods: 2 })
  const wrong = await labEnds('node1-pod1', 'node1-podd2')
  assert.match(wrong.ok ? '' : wrong.error.found, /the nearest is node1-pod2$/)
  const said = await explained('node1-pod1', 'default/node1-pod2', 8080)
  assert.deepEqual([said.near.now.path, said.near.now.verdict, said.far], ['here', 'delivered', undefined])
})
