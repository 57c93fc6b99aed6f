// In a lab of three nodes on two segments, one of them in the plain lane: what `podlane lab explain` says of all that
// `podlane lab check` asks is what the programs count and what is on the wire.

import '../lab_name.ts'
import assert from 'node:assert/strict'
import { closeSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Ip } from '../../src/base/ip.ts'
import { must } from '../../src/base/result.ts'
import { NETLINK_ROUTE, NetlinkSocket } from '../../src/kernel/netlink/socket.ts'
import { openNetns, withNetns } from '../../src/kernel/netns.ts'
import { type Conversation, conversations, labQuestions } from '../../src/lab/check/check.ts'
import type { Question } from '../../src/lab/check/plan.ts'
import { ping } from '../../src/lab/check/probes.ts'
import { takeDown } from '../../src/lab/down.ts'
import { nodeNames } from '../../src/lab/enter.ts'
import { labEnds } from '../../src/lab/explain.ts'
import { agentSocket, netnsFile } from '../../src/lab/paths.ts'
import { askSocket } from '../../src/lab/socket_client.ts'
import { askAgentStatus } from '../../src/lab/status.ts'
import { type Explained, explainWalk } from '../../src/lab/walk_client.ts'
import type { LaneTraffic } from '../../src/schema/agent_status.ts'
import { Capture } from '../fast_lane/capture.ts'
import { bringUp } from '../lab_runs.ts'
import type { TestNamespace } from '../namespaces.ts'

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

type Asked = Omit<Conversation, 'protocol' | 'port'> & {
  readonly protocol: 'tcp' | 'udp' | 'icmp'
  readonly port?: number
}

const explained = async (from: string, to: string, asked: Omit<Asked, 'run'>): Promise<Explained> => {
  const ends = must(await labEnds(from, to))
  const { port, protocol, bytes } = asked
  return must(
    await explainWalk(ends.socket, ends.peerSocket, { ...ends, port, protocol, bytes, changes: [] }),
  )
}

/** @returns lanes and path, as they were */
async function askOne({ from, to, address, pair }: Question, asked: Asked, toNode?: string): Promise<string> {
  const { near, far } = await explained(from.name, address, asked)
  const ns = entered(from.node)
  const before = await fastPackets()
  const capture = new Capture(ns, 'eth0', (f) => f.isOutgoing && f.packets.at(-1)?.dst === address)
  const there = openNetns(from.netns)
  const why = await asked.run(there)
  closeSync(there)
  await sleep(5)
  const frames = capture.take()
  capture[Symbol.dispose]()
  ns.close()
  const after = await fastPackets()
  const wire = frames.length === 0 ? 'none' : frames.some((f) => f.packets.length > 1) ? 'vxlan' : 'direct'
  const grown = (node: string, way: 'sent' | 'received'): boolean =>
    (after[node]?.[way] ?? 0) > (before[node]?.[way] ?? 0)
  const what = `${asked.protocol} ${asked.port ?? ''} ${asked.bytes ?? ''}`
  const title = `${from.name} to ${to}, ${address}, ${what}: ${JSON.stringify({ near: near.now, far: far?.now })}`
  assert.equal((far ?? near).now.verdict, to === 'outside' ? 'sent' : 'delivered', title)
  assert.equal(why, undefined, title)
  if (pair) assert.equal(near.now.path, wire === 'none' ? 'here' : wire, title)
  const said = near.now.wire === undefined ? 'none' : near.now.wire.outer ? 'vxlan' : 'direct'
  assert.equal(said, wire, title)
  assert.equal(near.now.lane === 'fast', grown(from.node, 'sent'), `sent, ${title}`)
  if (far && toNode !== undefined)
    assert.equal(far.now.lane === 'fast', grown(toNode, 'received'), `received, ${title}`)
  // The conversation has seen to it that one byte more is refused.
  if (asked.bytes !== undefined) {
    const larger = await explained(from.name, address, { ...asked, bytes: asked.bytes + 1 })
    assert.equal(larger.near.now.verdict, 'too-big', title)
  }
  return `${near.now.lane} ${far?.now.lane ?? ''} ${wire}`
}

const pinged = async (fd: number, address: Ip): Promise<string | undefined> => {
  const came = await ping(fd, address, process.pid & 0xffff)
  return typeof came === 'string' ? came : undefined
}

test('explain is right about verdict, lane and path of every check of a lab that leaves a pod', async (t) => {
  must(await takeDown())
  t.after(async () => must(await takeDown()))
  await bringUp({ nodes: 3, pods: 2, segments: 2, families: 'dual' })
  must(await askSocket(agentSocket('node2'), 'PUT', '/lane', { lane: 'plain' }))
  const all = must(await labQuestions())
  // What stays in a pod goes no way that anybody could explain.
  const questions = all.filter(({ address }) => !['127.0.0.1', '::1'].includes(address))
  const nodeOf = new Map(all.map(({ from }) => [from.name, from.node]))
  const kinds = new Set<string>()
  let asked = 0
  for (const question of questions) {
    const echo: Asked[] = question.ping
      ? [{ protocol: 'icmp', run: (fd) => pinged(fd, question.address) }]
      : []
    for (const each of [...echo, ...conversations(question)]) {
      const kind = await askOne(question, each, nodeOf.get(question.to))
      if (question.pair) kinds.add(kind)
      asked++
    }
  }
  t.diagnostic(`${asked} conversations of ${questions.length} questions`)
  assert.deepEqual(
    [...kinds].sort(),
    [
      'fast  none',
      'plain  none',
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
  const said = await explained('node1-pod1', 'default/node1-pod2', { protocol: 'udp', port: 8080 })
  assert.deepEqual([said.near.now.path, said.near.now.verdict, said.far], ['here', 'delivered', undefined])
})
