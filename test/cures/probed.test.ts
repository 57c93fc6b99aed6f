import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { must } from '../../src/base/result.ts'
import type { LaidFault } from '../../src/lab/faults/wire.ts'
import { askSocket } from '../../src/lab/socket_client.ts'
import { parsePathsReport } from '../../src/schema/paths_report.ts'
import { becomes, kernelDump } from '../agent/dump.ts'
import { until } from '../agent/until.ts'
import type { Node } from '../fast_lane/cluster.ts'
import { type Lane, type Path, paths } from '../fast_lane/lanes.ts'
import { type SickCluster, sickCluster } from './sick_cluster.ts'
import { transfer } from './transfer.ts'

type Case = {
  readonly title: string
  readonly lay: (path: Path) => Omit<LaidFault, 'peers'>
  readonly complaint: RegExp
  readonly workaround: (path: Path) => RegExp
  /** Longer than a cure holds: nothing may look well by it. */
  readonly lastsMs?: number
}

const cases: readonly Case[] = [
  {
    title: 'a black hole for large packets',
    lay: () => ({ fault: { kind: 'mtu', largestBytes: 1400 }, paths }),
    complaint: /vanish without a word/,
    workaround: (path) => (path === 'direct' ? /MTU 1400/ : /MTU 1350/),
  },
  {
    title: 'a device that spoils checksums in tunnels',
    lay: () => ({ fault: { kind: 'checksum' }, paths: ['vxlan'] }),
    complaint: /arrive with a wrong one/,
    workaround: () => /checksums by the stack/,
    lastsMs: 25_000,
  },
  {
    title: 'one direction that is dropped',
    lay: (path) => ({ fault: { kind: 'oneway' }, paths: [path] }),
    complaint: /does not hear this node|nothing comes through/,
    workaround: () => /VXLAN instead/,
  },
]

/** What the kernel hears of neighbours by itself. */
const LEARNT = /dev eth0 lladdr/

const peerOf = async ({ nodes }: SickCluster) => (await nodes[0].bench.status()).peers[0]
const complaintsOf = async ({ nodes }: SickCluster) =>
  JSON.stringify((await nodes[0].bench.status()).complaints.filter((c) => c.object.startsWith('path to')))

async function seenWell({ bench }: Node, kind: Path): Promise<void> {
  const isSeen = async (): Promise<boolean> => {
    const { peers } = must(parsePathsReport(must(await askSocket(bench.socket, 'GET', '/paths')), 'agent'))
    const paths = peers.flatMap((p) => p.paths)
    return paths.some((p) => p.kind === kind && p.reach === 'both' && p.checksum === 'ok')
  }
  await until(`${kind} is seen well`, isSeen, 20_000)
}

async function goesThrough(t: TestContext, each: Case, lane: Lane, path: Path): Promise<void> {
  const cluster = await sickCluster(t, { lane, path }, false)
  const [a, b] = cluster.nodes
  const one = await a.pod('one')
  const two = await b.pod('two')
  const carries = async (withinMs: number) => (await transfer(one, two, 4, withinMs)) !== undefined
  await until('it carries', () => carries(1000))
  for (const node of [a, b]) await seenWell(node, path)
  await a.bench.settled(1500)
  const before = [a, b].map((n) => kernelDump(n.ns, LEARNT))
  cluster.lay(each.lay(path))
  const laidAt = performance.now()
  assert.equal(await carries(500), false, 'it suffers')
  await until('it carries again', () => carries(500))
  const tookMs = performance.now() - laidAt
  t.diagnostic(`carries again after ${Math.round(tookMs)} ms`)
  assert.match((await peerOf(cluster))?.why ?? '', each.workaround(path))
  assert.match(await complaintsOf(cluster), each.complaint)
  for (const end = performance.now() + (each.lastsMs ?? 0); performance.now() < end; await sleep(500))
    assert.match(await complaintsOf(cluster), each.complaint, 'the cure does not hide what it cures')
  assert.ok(await carries(1000))
  cluster.lift()
  const isOver = async () => (await complaintsOf(cluster)) === '[]'
  await until('the complaint is gone', isOver, 120_000)
  for (const [i, node] of [a, b].entries()) await becomes(node.ns, before[i] ?? '', LEARNT)
  assert.ok(await carries(1000))
}

/** Each fault once: sick_paths.test.ts has all lanes and paths, with what is found told by hand. */
const settings: readonly (readonly [Case | undefined, Lane, Path])[] = [
  [cases[0], 'plain', 'direct'],
  [cases[1], 'fast', 'vxlan'],
  [cases[2], 'fast', 'direct'],
]

/** They mostly wait for probes, each with nodes of its own. */
describe('faults that probes find', { concurrency: 3 }, () => {
  for (const [each, lane, path] of settings)
    if (each)
      test(`${each.title} is found by probes, named and worked around until it ends: ${lane} lane, path ${path}`, (t) =>
        goesThrough(t, each, lane, path))

  test('a peer whose agent is killed while a broken path to it is worked around keeps the path that carries', async (t) => {
    const cluster = await sickCluster(t, { lane: 'fast', path: 'direct' }, false)
    const [a, b] = cluster.nodes
    const one = await a.pod('one')
    const two = await b.pod('two')
    const carries = async () => (await transfer(one, two, 4, 500)) !== undefined
    await seenWell(a, 'direct')
    cluster.lay({ fault: { kind: 'oneway' }, paths: ['direct'] })
    await until('it carries by the tunnel', carries)
    await until(
      'the other end has taken the tunnel',
      async () => (await b.bench.status()).peers[0]?.path === 'vxlan',
    )
    await b.bench.agent.kill()
    const silent = async () => /path to n2 \(vxlan\)/.test(await complaintsOf(cluster))
    await until('the tunnel is silent', silent)
    await a.bench.settled(2000)
    assert.equal((await peerOf(cluster))?.path, 'vxlan')
    assert.ok(await carries())
  })

  test('a peer whose agent was killed is silent, and its pods keep the path that they have', async (t) => {
    const cluster = await sickCluster(t, { lane: 'fast', path: 'direct' }, false)
    const [a, b] = cluster.nodes
    const one = await a.pod('one')
    const two = await b.pod('two')
    await seenWell(a, 'direct')
    await b.bench.agent.kill()
    await until('the silence is named', async () => /its agent is gone/.test(await complaintsOf(cluster)))
    await a.bench.settled(2000)
    assert.equal((await peerOf(cluster))?.path, 'direct')
    assert.match(await complaintsOf(cluster), /no other path has been seen to carry/)
    assert.notEqual(await transfer(one, two, 4), undefined)
    await b.bench.start()
    await until('it is heard again', async () => (await complaintsOf(cluster)) === '[]', 60_000)
  })
})
