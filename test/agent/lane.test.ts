import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import type { PeerStatus } from '../../src/schema/agent_status.ts'
import { run, shell } from './dump.ts'
import { nodeA, nodeB, nodeWithOutside } from './fixtures.ts'
import { join2, NodeBench } from './node_bench.ts'
import { start } from './programs.ts'
import { until } from './until.ts'

const entry = join(import.meta.dirname, '../../src/cli/main.ts')

/** Two nodes with an agent each, pods of both, and the lane to `b` fast. */
async function twoNodes(t: TestContext, rules = '') {
  const nodes = [nodeA, nodeB]
  const a = new NodeBench(t, { name: 'a', nodes })
  const b = new NodeBench(t, { name: 'b', nodes })
  join2(a.ns, b.ns, { a: ['192.0.2.1/24'], b: ['192.0.2.2/24'] })
  if (rules !== '') run(a.ns, 'nft', rules)
  await Promise.all([a.start(), b.start()])
  const [one, far] = [await a.pod('one'), await b.pod('far')]
  await until('the lane to b is fast', async () => (await peerB(a)).lane?.lane === 'fast')
  return { a, b, one, far }
}

const peerB = async (a: NodeBench): Promise<PeerStatus> =>
  (await a.status()).peers.find((p) => p.name === 'b') ?? assert.fail('no peer b')

/** `podlane lane …` at the node's agent. */
async function lane(node: NodeBench, ...args: readonly string[]) {
  const child = spawn(process.execPath, [entry, 'lane', ...args, '--socket', node.socket])
  const code = new Promise<number | null>((resolve) => child.on('close', resolve))
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  return { stdout, stderr, code: await code }
}

test('podlane lane switches a peer or the node to and fro while pods ping, and shows which lane carried what', async (t) => {
  const { a, one, far } = await twoNodes(t)
  const pings = far.ips.map((ip) => start(t, one.ns, 'ping', '-q', '-i', '0.02', '-c', '400', '-W', '2', ip))
  const grows = async (which: 'fast' | 'plain'): Promise<void> => {
    const before = (await peerB(a)).lane?.sent[which].packets ?? 0
    await until(
      `${which} packets`,
      async () => ((await peerB(a)).lane?.sent[which].packets ?? 0) > before + 5,
    )
  }
  await grows('fast')
  for (const [args, carries, row] of [
    [['plain', '--peer', 'b'], 'plain', /b +plain .* asked for by «podlane lane plain --peer b»\n/],
    [['default', '--peer', 'b'], 'fast', /b +fast /],
    [
      ['plain'],
      'plain',
      /lane: plain, asked for by «podlane lane plain»\n[\s\S]*b +plain .*«podlane lane plain»\n/,
    ],
    [['fast', '--peer', 'b'], 'fast', /lane: plain, asked for .*\n[\s\S]*b +fast /],
    [['fast'], 'fast', /lane: fast, asked for by «podlane lane fast»\n/],
  ] as const) {
    const said = await lane(a, ...args)
    assert.equal(said.stderr, '')
    assert.match(said.stdout, row)
    await grows(carries)
  }
  for (const ping of pings) {
    await ping.ended
    assert.match(ping.output(), / 0% packet loss/)
  }
  const { fastLane, peers } = JSON.parse((await lane(a, '--peer', 'b', '--json')).stdout)
  assert.deepEqual([fastLane.state, fastLane.attached, fastLane.asked], ['on', 'tcx', 'fast'])
  assert.deepEqual(Object.keys(peers[0]), ['name', 'path', 'lane'])
  const { sent, received } = peers[0].lane
  for (const count of [sent.fast, sent.plain, received.fast, received.plain])
    assert.ok(count.packets > 10 && count.bytes > count.packets * 50, JSON.stringify(peers[0]))
})

test('a lane that was asked for outlives the agent, until it is taken back', async (t) => {
  const { a } = await twoNodes(t)
  await a.setLane('plain')
  await a.setLane('fast', 'b')
  for (let n = 0; n < 2; n++) {
    await a.agent.kill()
    await a.start()
    const { fastLane } = await a.status()
    assert.deepEqual([fastLane?.lane, fastLane?.asked], ['plain', 'plain'])
    assert.equal((await peerB(a)).lane?.lane, 'fast')
  }
  await a.setLane('default', 'b')
  assert.equal((await peerB(a)).lane?.why, 'asked for by «podlane lane plain»')
  const { fastLane } = await a.setLane('default')
  assert.deepEqual([fastLane?.lane, fastLane?.asked], ['fast', undefined])
  assert.equal((await peerB(a)).lane?.lane, 'fast')
})

test('an unknown peer is refused with the nearest known name, and nothing but the socket’s PUT switches', async (t) => {
  const worker = { name: 'worker-2', addresses: ['192.0.2.3'], podCIDRs: ['10.244.3.0/24'] }
  const { bench: a } = nodeWithOutside(t, { nodes: [nodeA, nodeB, worker] })
  a.configure({ http: { listen: '127.0.0.1:9474' }, lane: 'plain' })
  await a.start()
  assert.deepEqual(await lane(a, 'fast', '--peer', 'wroker2'), {
    stdout: '',
    stderr:
      'podlane: peer wroker2: wanted the name of another node, found the nearest is worker-2; see «podlane status»\n',
    code: 2,
  })
  assert.equal((await lane(a, 'slow')).code, 2)
  const put = (where: string, path = '/lane', body = '{"lane":"fast"}'): string =>
    shell(
      a.ns,
      `printf 'PUT ${path} HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\nContent-Length: ${body.length}\\r\\n\\r\\n${body}' | nc -w 5 ${where}`,
    )
  assert.match(put('127.0.0.1 9474'), /^HTTP\/1.1 405 [\s\S]*only GET/)
  assert.match(put(`-U ${a.socket}`, '/status'), /^HTTP\/1.1 404 /)
  assert.match(
    put(`-U ${a.socket}`, '/lane', '{"lane":1}'),
    /^HTTP\/1.1 400 [\s\S]*one of fast, plain, default/,
  )
  const { fastLane } = await a.status()
  assert.deepEqual([fastLane?.lane, fastLane?.why], ['plain', 'the config says «lane: plain»'])
  assert.match(put(`-U ${a.socket}`), /^HTTP\/1.1 200 [\s\S]*"asked":"fast"/)
})

test('the host’s forward rules are named while packets pass them by, and flows are counted', async (t) => {
  const rules =
    'table inet mine { chain forward { type filter hook forward priority 0; tcp dport 25 drop; }; }'
  const { a, one, far } = await twoNodes(t, rules)
  for (const ip of far.ips) await start(t, one.ns, 'ping', '-c2', '-i', '0.1', ip).ended
  // A start counts at once.
  await a.agent.kill()
  await a.start()
  await until('the lane to b is fast', async () => (await peerB(a)).lane?.lane === 'fast')
  assert.ok(((await a.status()).fastLane?.flows?.entries ?? 0) > 0)
  const shown = await text(spawn(process.execPath, [entry, 'status', '--socket', a.socket]).stdout)
  assert.match(
    shown,
    /! forward rules .* do not meet: 1 of chain forward of table inet mine\n.*podlane lane plain\n/,
  )
  assert.match(shown, /Fast lane\non through tcx; this node’s lane: fast\n[1-9]\d* of 131072 flows .*%/)
  await a.setLane('plain')
  assert.deepEqual((await a.status()).fastLane?.hostRules, [])
})

test('a program that hears another MAC of a next hop makes the agent look, and the path is fast again', async (t) => {
  const { bench: a, outside } = nodeWithOutside(t)
  await a.start()
  const isFast = async () => (await peerB(a)).lane?.lane === 'fast'
  await until('the lane to b is fast', isFast)
  const isHeard = () => a.agent.lines.some((l) => l.why === 'next hop 192.0.2.2 has another MAC')
  // The kernel tells of it too: whoever is first is the one that is written down.
  for (let n = 16; n < 99 && !isHeard(); n++) {
    run(outside, 'ip', 'link', 'set', 'eth0', 'address', `02:00:00:00:00:${n}`)
    run(outside, 'ping', '-c1', '-W1', '192.0.2.1')
    await a.settled(50)
    await until('the lane to b is fast again', isFast)
  }
  assert.ok(isHeard())
})

test('a node without a fast lane says so with the next step, refuses to switch, and its pods talk', async (t) => {
  const { bench: a } = nodeWithOutside(t)
  const file = join(a.folder, 'nodes.yaml')
  a.configure({ directories: { run: a.runFolder, bpf: `${file}/bpf/podlane` } })
  await a.start()
  const { fastLane, complaints } = await a.status()
  assert.deepEqual([fastLane?.state, fastLane?.lane], ['off', 'plain'])
  assert.equal(fastLane?.fault?.object, `folder ${file}/bpf/podlane`)
  assert.ok(complaints.some((c) => c.object === fastLane.fault?.object))
  const shown = await lane(a)
  assert.match(shown.stdout, /^off: folder \/.*\/podlane: wanted .*; name one with directories\.bpf/)
  const refused = await lane(a, 'fast')
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /^podlane: folder \/.*\/podlane: wanted a folder on a bpffs/)
  const [one, two] = [await a.pod('one'), await a.pod('two')]
  for (const ip of two.ips) assert.match(run(one.ns, 'ping', '-c1', '-W1', ip), / 0% packet loss/)
})
