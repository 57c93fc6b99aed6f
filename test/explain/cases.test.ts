// Packets that do not get through, and those that the host translates: what `explain` says of them, and what comes of them.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { askSocket } from '../../src/lab/socket_client.ts'
import { explainWalk } from '../../src/lab/walk_client.ts'
import { shell } from '../agent/dump.ts'
import { until } from '../agent/until.ts'
import { type FastCluster, families, fastCluster, type Node, type Pod } from '../fast_lane/cluster.ts'
import { echo } from '../fast_lane/echo.ts'
import { kubeProxy } from '../fast_lane/kube_proxy.ts'
import { Talk } from '../fast_lane/talk.ts'
import { addressOf, ip, run } from '../guard/cluster.ts'
import { assertSame, explained, watch } from './seen.ts'

const PORT = 8080

function pings(from: Pod, to: string, ...options: string[]): boolean {
  try {
    run(from.ns, 'ping', '-c1', '-W1', ...options, to)
    return true
  } catch {
    return false
  }
}

const dropped = async (node: Node, name: string): Promise<number> =>
  (await node.bench.status()).drops?.find((d) => d.name === name)?.packets ?? 0

async function pair(
  t: Parameters<typeof fastCluster>[0],
  path: 'direct' | 'vxlan' = 'direct',
  podOptions = {},
  config = {},
) {
  const cluster: FastCluster = await fastCluster(t, { lane: 'fast', path, config })
  const [one, two] = cluster.nodes
  const a = await one.pod('a', podOptions)
  const b = await two.pod('b')
  for (const node of cluster.nodes) await node.bench.settled()
  return { cluster, one, two, a, b, near: { near: one, far: two } }
}

test('a packet with a source that is not the pod’s is said to be dropped by the guard, and is', async (t) => {
  const { cluster, one, two, a, b, near } = await pair(t)
  const forged = '10.244.1.99'
  run(a.ns, 'ip', 'address', 'add', `${forged}/32`, 'dev', 'eth0')
  const to = addressOf(b, 4)
  const said = await explained(one, two, { from: 'a', to, as: forged, protocol: 'icmp' })
  assert.deepEqual([said.near.now.verdict, said.far], ['dropped', undefined])
  assert.match(said.near.now.why, /counter pod_spoofed at 0/)
  const seen = await watch(cluster, near, [to], async () => pings(a, to, '-I', forged))
  assertSame(said, seen, 'forged')
  assert.equal(await dropped(one, 'inet pod_spoofed'), 1)
})

test('an address that no pod has is said to be unreachable by the node that has its range, and is', async (t) => {
  const { cluster, one, two, a, near } = await pair(t, 'vxlan')
  for (const [to, far] of [
    ['10.244.1.77', undefined],
    ['10.244.2.77', two],
  ] as const) {
    const said = await explained(one, far, { from: 'a', to, protocol: 'icmp' })
    assert.equal((said.far ?? said.near).now.verdict, 'unreachable')
    assert.equal((said.far ?? said.near).node, far ? 'n2' : 'n1')
    assertSame(said, await watch(cluster, near, [ip(to)], async () => pings(a, to)), to)
  }
})

test('a packet that is larger than the way out is said to be answered with its MTU, and is', async (t) => {
  const { cluster, one, two, a, b, near } = await pair(t, 'vxlan')
  const to = addressOf(b, 4)
  for (const [bytes, verdict] of [
    [1450, 'delivered'],
    [1451, 'too-big'],
  ] as const) {
    const said = await explained(one, two, { from: 'a', to, protocol: 'icmp', bytes })
    assert.equal((said.far ?? said.near).now.verdict, verdict)
    assert.equal(said.near.now.largestBytes, 1450)
    // The pod's route would refuse it before: another pod may have another route.
    run(a.ns, 'ip', 'route', 'replace', 'default', 'via', '169.254.1.1', 'dev', 'eth0')
    const seen = await watch(cluster, near, [to], async () => pings(a, to, '-M', 'do', '-s', `${bytes - 28}`))
    assertSame(said, seen, `${bytes} bytes`)
  }
})

test('an uplink of the other node with a smaller MTU is said to lose large packets, and does', async (t) => {
  const { cluster, one, two, a, b, near } = await pair(t)
  const to = addressOf(b, 4)
  run(two.ns, 'ip', 'link', 'set', 'eth0', 'mtu', '1400')
  for (const [bytes, verdict] of [
    [1300, 'delivered'],
    [1480, 'dropped'],
  ] as const) {
    const said = await explained(one, two, { from: 'a', to, protocol: 'icmp', bytes })
    assert.deepEqual([said.far?.now.verdict, said.far?.now.largestBytes], [verdict, 1400])
    const seen = await watch(cluster, near, [to], async () => pings(a, to, '-M', 'do', '-s', `${bytes - 28}`))
    // It never comes to the program there: its lane cannot be counted.
    assertSame(
      verdict === 'dropped' ? { near: { ...said.near, now: { ...said.near.now, verdict } } } : said,
      seen,
      `${bytes} bytes`,
    )
  }
})

test('a ClusterIP is followed to its backend by the tracked flow, in the plain lane', async (t) => {
  const { cluster, one, two, a, b } = await pair(t)
  const clusterIp = ip('10.96.0.10')
  const backend = addressOf(b, 4)
  await echo(t, { ns: b.ns, ip: backend, port: PORT })
  const service = {
    name: 'far',
    protocol: 'tcp',
    clusterIp,
    port: 80,
    targetPort: PORT,
    endpoints: [backend],
  } as const
  kubeProxy('nftables', { ...one, isLocal: () => false }, [service])
  const before = await explained(one, undefined, { from: 'a', to: clusterIp, port: 80 })
  const others = before.near.now.hops
    .filter((h) => h.verdict === 'assumed')
    .map((h) => `${h.kind} ${h.object}`)
  assert.deepEqual(others, [
    'translation rules of ip kube-proxy',
    'guard rules of ip kube-proxy',
    'outside outside',
  ])
  using talk = await Talk.open({ from: a.ns, to: clusterIp, port: 80, protocol: 'tcp' })
  await talk.ask('hello')
  const said = await explained(one, two, { from: 'a', to: clusterIp, port: 80 })
  assert.deepEqual(
    [said.near.now.lane, said.near.now.path, said.far?.now.verdict],
    ['plain', 'none', 'delivered'],
  )
  assert.deepEqual(said.near.now.wire?.packet, {
    ...{ source: addressOf(a, 4), destination: backend, protocol: 'tcp', port: PORT, bytes: 64 },
  })
  const seen = await watch(
    cluster,
    { near: one, far: two },
    [backend],
    async () => (await talk.ask('more')) !== undefined,
  )
  assert.deepEqual([seen.sent.fast, seen.arrived, seen.wire], [0, true, 'direct'])
})

test('a hostPort of another node leads into its pod', async (t) => {
  const portMappings = [{ hostPort: 8088, containerPort: PORT, protocol: 'udp' }]
  const { cluster, one, two, a, b } = await pair(t, 'vxlan', { portMappings })
  await echo(t, { ns: a.ns, ip: addressOf(a, 4), port: PORT })
  const to = addressOf(one, 4)
  const said = await explained(two, one, { from: 'b', to, port: 8088, protocol: 'udp' })
  assert.equal(said.far?.now.hops.at(-1)?.object, 'pod a')
  assert.match(JSON.stringify(said.far?.now.hops), /map of hostPorts/)
  const seen = await watch(cluster, { near: two, far: one }, [to], async () => {
    using talk = await Talk.open({ from: b.ns, to, port: 8088, protocol: 'udp' })
    return (await talk.ask('hello')) !== undefined
  })
  assertSame(said, seen, 'hostPort')
})

test('a lane that was switched for one peer, and a flow that has its own, are told', async (t) => {
  const { cluster, one, two, a, b, near } = await pair(t)
  const to = addressOf(b, 4)
  await one.bench.setLane('plain', 'n2')
  const said = await explained(one, two, { from: 'a', to, protocol: 'icmp', changes: ['lane=fast'] })
  assert.match(said.near.now.laneWhy, /lane of its path is plain/)
  assert.deepEqual([said.near.now.lane, said.near.would?.walk?.lane], ['plain', 'fast'])
  assertSame(said, await watch(cluster, near, [to], async () => pings(a, to)), 'plain')
  await one.bench.setLane('fast', 'n2')
  const then = await explained(one, two, { from: 'a', to, protocol: 'icmp' })
  const seen = await watch(cluster, near, [to], async () => pings(a, to))
  assertSame(then, seen, 'fast')
  // What «lane=fast» had predicted of it.
  assert.deepEqual(
    said.near.would?.walk?.hops.map((h) => h.object),
    then.near.now.hops.map((h) => h.object),
  )
})

test('the flow of a conversation is found in the tables, by its port and without', async (t) => {
  const { one, two, a, b } = await pair(t, 'vxlan')
  for (const v of families) {
    const to = addressOf(b, v)
    await echo(t, { ns: b.ns, ip: to, port: PORT })
    for (const protocol of ['tcp', 'udp'] as const) {
      using talk = await Talk.open({ from: a.ns, to, port: PORT, protocol, fromPort: 4000 + v })
      for (const word of ['one', 'two', 'three']) await talk.ask(word)
      for (const sourcePort of [4000 + v, undefined]) {
        const said = await explained(one, two, { from: 'a', to, port: PORT, protocol, sourcePort })
        const whys = [said.near, said.far].map(
          (half) => half?.now.hops.find((h) => h.kind === 'program')?.why,
        )
        const known = `a flow that is known, from port ${4000 + v}`
        assert.deepEqual(whys, [known, known], `${protocol} ${to}`)
      }
      const other = await explained(one, two, { from: 'a', to, port: PORT, protocol, sourcePort: 4999 })
      assert.match(other.near.now.hops[1]?.why ?? '', /its first packet decides/)
    }
  }
})

test('a node that is gone from the segment is unreachable, once the kernel knows it', async (t) => {
  const { cluster, one, a, b, near } = await pair(t)
  const to = addressOf(b, 4)
  run(cluster.segment, 'ip', 'link', 'set', 'p2', 'down')
  await one.bench.setLane('plain')
  run(one.ns, 'ip', 'neighbour', 'replace', '192.0.2.2', 'dev', 'eth0', 'nud', 'probe')
  await until('the neighbour has failed', () =>
    run(one.ns, 'ip', 'neighbour', 'show', '192.0.2.2').includes('FAILED'),
  )
  const said = await explained(one, undefined, { from: 'a', to, protocol: 'icmp' })
  assert.deepEqual([said.near.now.verdict, said.near.now.hops.at(-1)?.kind], ['unreachable', 'neighbour'])
  assertSame(said, await watch(cluster, near, [to], async () => pings(a, to)), 'gone')
})

test('a pod speaks to the VXLAN port of a pod, and not to that of a node', async (t) => {
  const { cluster, one, two, a, b, near } = await pair(t)
  for (const [end, arrives] of [
    [b, true],
    [two, false],
  ] as const) {
    const to = addressOf(end, 4)
    if (arrives) await echo(t, { ns: end.ns, ip: to, port: 4789 })
    const said = await explained(one, two, { from: 'a', to, port: 4789, protocol: 'udp' })
    const seen = await watch(cluster, near, [to], async () => {
      using talk = await Talk.open({ from: a.ns, to, port: 4789, protocol: 'udp', timeoutMs: 300 })
      return (await talk.ask('hello').catch(() => undefined)) !== undefined
    })
    assert.equal(seen.arrived, arrives)
    assertSame(said, seen, to)
  }
})

test('a pod’s packet to the probes’ port of its node and of another is dropped, as said', async (t) => {
  const { cluster, one, two, a, near } = await pair(t, 'direct', {}, { probes: { port: 9475 } })
  for (const end of [one, two]) {
    const to = addressOf(end, 4)
    const said = await explained(one, two, { from: 'a', to, port: 9475, protocol: 'udp' })
    assert.match(JSON.stringify(said), /counter pod_probe/)
    assert.equal(said.near.now.verdict, end === one ? 'dropped' : 'sent')
    const seen = await watch(cluster, near, [], async () => {
      using talk = await Talk.open({ from: a.ns, to, port: 9475, protocol: 'udp', timeoutMs: 300 })
      return (await talk.ask('hello').catch(() => undefined)) !== undefined
    })
    assert.equal(seen.arrived, false)
  }
})

test('questions about flows are root’s: on loopback there is no explain', async (t) => {
  const { one } = await pair(t)
  one.bench.configure({ http: { listen: '127.0.0.1:9474' } })
  await one.bench.agent.kill()
  await one.bench.start()
  const get = (path: string): string =>
    shell(one.ns, `busybox wget -O- 'http://127.0.0.1:9474${path}' 2>&1 || true`)
  assert.match(get('/healthz'), /true/)
  assert.match(get('/explain?from=a&to=node'), /404/)
})

test('a name that nobody has is refused with the nearest one, and so is a change that cannot be', async (t) => {
  const { one, two } = await pair(t)
  const ask = async (from: string, to: string, ...changes: string[]) =>
    explainWalk(one.bench.socket, undefined, { from, to, changes })
  const missing = await ask('aa', 'node')
  assert.equal(!missing.ok && missing.error.object, 'FROM aa')
  assert.match(missing.ok ? '' : missing.error.found, /the nearest is a$/)
  const target = await ask('a', 'm2')
  assert.match(target.ok ? '' : target.error.found, /the nearest is n2$/)
  const policy = await ask('a', 'n2', 'policy=file.yaml')
  assert.match(policy.ok ? '' : policy.error.found, /policy is not built yet/)
  const here = await ask('a', 'a', 'path=vxlan')
  assert.equal(here.ok && here.value.near.would?.refused?.object, '--if path=vxlan')
  const word = await ask('a', 'n2', 'speed=9')
  assert.match(word.ok ? '' : word.error.wanted, /lane=fast\|plain/)
  const bad = await askSocket(two.bench.socket, 'GET', '/explain?arriving=x')
  assert.equal(bad.ok, false)
})
