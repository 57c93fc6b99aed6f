import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Family, familyOf, type Ip } from '../src/base/ip.ts'
import type { HostPort } from '../src/cni/network.ts'
import { addressOf, ip, run, type TestPod, testCluster } from './guard/cluster.ts'
import { connectTcp, TcpListener, Udp } from './guard/sockets.ts'
import type { TestNamespace } from './namespaces.ts'

const families = [4, 6] as const
const any: Readonly<Record<Family, Ip>> = { 4: ip('0.0.0.0'), 6: ip('::') }
const beyond: Readonly<Record<Family, Ip>> = { 4: ip('198.51.100.1'), 6: ip('2001:db8:9::1') }

async function seenFrom(sender: TestNamespace, at: TestNamespace, to: Ip): Promise<Ip | undefined> {
  using ear = new Udp(at, { ip: to, port: 7000 })
  using from = new Udp(sender, { ip: any[familyOf(to)], port: 0 })
  from.send({ ip: to, port: 7000 }, 'x')
  const got = await ear.receive()
  if (got) ear.send(got.from, 'y')
  assert.equal((await from.receive(got ? 300 : 0))?.data, got && 'y', 'the answer finds its way back')
  return got?.from.ip
}

test('what leaves the cluster carries the node’s address, what is excluded the pod’s', async (t) => {
  const { nodes, outside } = testCluster(t, {
    config: 'masquerade: { exclude: [198.51.100.0/24, "2001:db8:9::/64"] }',
  })
  const [a, b] = nodes
  a.restart('masquerade: { exclude: [203.0.113.0/24] }')
  a.reconcile()
  const [of, other] = [a.pod(2), b.pod(2)]
  for (const v of families) {
    assert.equal(await seenFrom(of.ns, outside.ns, beyond[v]), addressOf(a, v), 'masqueraded')
    assert.equal(
      await seenFrom(of.ns, outside.ns, addressOf(outside, v)),
      addressOf(a, v),
      'on the segment too',
    )
    assert.equal(
      await seenFrom(of.ns, other.ns, addressOf(other, v)),
      addressOf(of, v),
      'not inside the cluster',
    )
    using ear = new Udp(outside.ns, { ip: beyond[v], port: 7000 })
    using from = new Udp(other.ns, { ip: any[v], port: 0 })
    from.send({ ip: beyond[v], port: 7000 }, 'x')
    assert.equal((await ear.receive())?.from.ip, addressOf(other, v), 'not where it is excluded')
  }
  a.restart('masquerade: { enabled: false }')
  for (const v of families) {
    using ear = new Udp(outside.ns, { ip: beyond[v], port: 7000 })
    using from = new Udp(of.ns, { ip: any[v], port: 0 })
    from.send({ ip: beyond[v], port: 7000 }, 'x')
    assert.equal((await ear.receive())?.from.ip, addressOf(of, v), 'not where it is off')
  }
})

const port = (hostPort: number, given: Partial<HostPort> = {}): HostPort => ({
  hostPort,
  containerPort: 80,
  protocol: 'tcp',
  hostIp: undefined,
  ...given,
})

/** Whose address the pod's server sees of a client that connects to `to`; undefined if nobody answers. */
async function served(
  client: TestNamespace,
  pod: TestPod,
  to: { ip: Ip; port: number },
): Promise<Ip | undefined> {
  using listener = new TcpListener(pod.ns, { ip: addressOf(pod, familyOf(to.ip)), port: 80 })
  using tcp = await connectTcp(client, to, undefined, 100)
  if (!tcp) return undefined
  using server = (await listener.accept()) ?? assert.fail('connected to something else')
  assert.equal(server.write('hello'), 5)
  assert.equal(await tcp.read(), 'hello')
  return server.peer?.ip
}

test('a hostPort is reached by every address of the node, from outside, nodes, pods, the host and its own pod', async (t) => {
  for (const config of ['pathMode: auto', 'pathMode: vxlan']) {
    const { nodes, outside } = testCluster(t, { config })
    const [a, b] = nodes
    const pod = a.pod(2, { hostPorts: [port(8080)] })
    const [neighbour, far] = [a.pod(3), b.pod(2)]
    for (const v of families) {
      const to = { ip: addressOf(a, v), port: 8080 }
      const seenOfFar = addressOf(config === 'pathMode: vxlan' ? b : far, v)
      assert.equal(await served(outside.ns, pod, to), addressOf(outside, v), 'outside keeps its address')
      assert.equal(await served(b.ns, pod, to), addressOf(b, v), 'another node')
      assert.equal(await served(far.ns, pod, to), seenOfFar, 'a pod of another node')
      assert.equal(await served(neighbour.ns, pod, to), addressOf(neighbour, v), 'a pod beside it')
      assert.equal(await served(a.ns, pod, to), addressOf(a, v), 'the host itself')
      assert.ok(await served(pod.ns, pod, to), 'its own pod')
      assert.equal(await served(outside.ns, pod, { ...to, port: 8081 }), undefined)
    }
    assert.ok(await served(a.ns, pod, { ip: ip('127.0.0.1'), port: 8080 }), 'the host by 127.0.0.1')
    using own = new TcpListener(a.ns, { ip: ip('::1'), port: 8080 })
    using local = await connectTcp(a.ns, { ip: ip('::1'), port: 8080 })
    assert.ok(local && (await own.accept()), '::1 stays with the host’s own programs')
    assert.deepEqual(a.drops(), {})
  }
})

test('a hostPort with hostIP is reached by that address only; 0.0.0.0 and :: mean one family', async (t) => {
  const { nodes, outside } = testCluster(t)
  const [a] = nodes
  const cases: readonly [hostIp: Ip, reached: readonly Ip[], not: readonly Ip[]][] = [
    [addressOf(a, 4), [addressOf(a, 4)], [addressOf(a, 6), ip('127.0.0.1'), ip('10.244.1.1')]],
    [addressOf(a, 6), [addressOf(a, 6)], [addressOf(a, 4)]],
    [ip('127.0.0.1'), [ip('127.0.0.1')], [addressOf(a, 4), addressOf(a, 6)]],
    [ip('0.0.0.0'), [addressOf(a, 4), ip('127.0.0.1')], [addressOf(a, 6)]],
    [ip('::'), [addressOf(a, 6)], [addressOf(a, 4), ip('127.0.0.1')]],
  ]
  for (const [i, [hostIp, reached, not]] of cases.entries()) {
    const pod = a.pod(10 + i, { hostPorts: [port(9000 + i, { hostIp })] })
    const clientOf = (to: Ip): TestNamespace =>
      to === '127.0.0.1' || to === '10.244.1.1' ? a.ns : outside.ns
    for (const to of reached)
      assert.ok(await served(clientOf(to), pod, { ip: to, port: 9000 + i }), `${hostIp} by ${to}`)
    for (const to of not)
      assert.equal(
        await served(clientOf(to), pod, { ip: to, port: 9000 + i }),
        undefined,
        `${hostIp} not by ${to}`,
      )
  }
})

test('a UDP hostPort answers a client that asked before the pod was there', async (t) => {
  const { nodes, outside } = testCluster(t)
  const [a] = nodes
  const clients = families.map((v) => ({
    v,
    socket: new Udp(outside.ns, { ip: addressOf(outside, v), port: 5353 }),
  }))
  for (const { v, socket } of clients) socket.send({ ip: addressOf(a, v), port: 8053 }, 'too early')
  const pod = a.pod(2, { hostPorts: [port(8053, { protocol: 'udp', containerPort: 53 })] })
  for (const { v, socket } of clients) {
    using server = new Udp(pod.ns, { ip: addressOf(pod, v), port: 53 })
    // The kernel tells the first answer, port unreachable, with the next call.
    socket.send({ ip: addressOf(a, v), port: 8053 }, 'x')
    socket.send({ ip: addressOf(a, v), port: 8053 }, 'now')
    const got = await server.receive()
    assert.ok(got, `IPv${v}`)
    server.send(got.from, 'yes')
    assert.deepEqual(await socket.receive(), { from: { ip: addressOf(a, v), port: 8053 }, data: 'yes' })
    socket[Symbol.dispose]()
  }
})

test('a pod that is removed leaves its hostPort free at once and no flow that another pod would inherit', async (t) => {
  const { nodes, outside } = testCluster(t)
  const [a] = nodes
  const first = a.pod(2, { hostPorts: [port(8080)] })
  using listener = new TcpListener(first.ns, { ip: addressOf(first, 4), port: 80 })
  using tcp = (await connectTcp(outside.ns, { ip: addressOf(a, 4), port: 8080 })) ?? assert.fail()
  assert.ok(await listener.accept())
  using leaving = new Udp(first.ns, { ip: any[4], port: 0 })
  leaving.send({ ip: beyond[4], port: 9 }, 'x')
  const flows = (): string => run(a.ns, 'conntrack', '-L').concat(run(a.ns, 'conntrack', '-L', '-f', 'ipv6'))
  assert.match(flows(), /10\.244\.1\.2/)
  a.remove(first)
  assert.doesNotMatch(flows(), /10\.244\.1\.2/)
  assert.ok(tcp.established, 'the client does not know yet')
  const second = a.pod(3, { hostPorts: [port(8080)] })
  for (const v of families)
    assert.equal(await served(outside.ns, second, { ip: addressOf(a, v), port: 8080 }), addressOf(outside, v))
})

test('hostPorts, their open connections and resting addresses outlive the agent and a change of its rules', async (t) => {
  const { nodes, outside } = testCluster(t, { config: 'vxlan: { vni: 7 }' })
  const [a] = nodes
  const [pod, gone] = [
    a.pod(2, { hostPorts: [port(8080), port(53, { protocol: 'udp', hostIp: addressOf(a, 6) })] }),
    a.pod(3),
  ]
  using listener = new TcpListener(pod.ns, { ip: addressOf(pod, 4), port: 80 })
  using tcp = (await connectTcp(outside.ns, { ip: addressOf(a, 4), port: 8080 })) ?? assert.fail()
  using server = (await listener.accept()) ?? assert.fail()
  a.remove(gone)
  run(
    a.ns,
    'nft',
    'table inet other { set s { type ipv4_addr; elements = { 192.0.2.77 }; }; chain c { type filter hook forward priority 0; counter accept; }; }',
  )
  const foreign = (): string => run(a.ns, 'nft', '-s', 'list', 'table', 'inet', 'other')
  const before = foreign()
  for (const config of [
    'vxlan: { vni: 7 }',
    'vxlan: { vni: 8 }',
    'vxlan: { vni: 8 }\nmasquerade: { enabled: false }',
  ]) {
    a.restart(config)
    const facts = a.ns.inside(() => a.kernel.start())
    assert.ok(facts.ok)
    assert.deepEqual([...facts.value.hostPorts.keys()].sort(), [addressOf(pod, 4), addressOf(pod, 6)])
    assert.deepEqual(facts.value.cooling.map((c) => c.ip).sort(), [addressOf(gone, 4), addressOf(gone, 6)])
    for (const { remainingMs } of facts.value.cooling)
      assert.ok(remainingMs > 20_000 && remainingMs <= 30_000)
    assert.equal(server.write('still'), 5)
    assert.equal(await tcp.read(), 'still', config)
    assert.equal(await served(outside.ns, pod, { ip: addressOf(a, 6), port: 8080 }), addressOf(outside, 6))
    const again = a.reconcile()
    assert.deepEqual(
      again.changes.filter((c) => c.includes('element')),
      [],
    )
  }
  assert.equal(foreign(), before)
})

test('rules that somebody took away, or all tables, come back with what the agent knows', async (t) => {
  const { nodes, outside, rows } = testCluster(t)
  const [a] = nodes
  const pod = a.pod(2, { hostPorts: [port(8080)] })
  const rules = (): string => run(a.ns, 'nft', '-s', 'list', 'ruleset').replace(/expires \w+/g, '')
  const before = rules()
  for (const loss of [
    ['flush', 'ruleset'],
    ['flush', 'chain', 'inet', 'podlane', 'sources'],
    ['delete', 'table', 'arp', 'podlane'],
    ['flush', 'table', 'inet', 'podlane'],
  ]) {
    run(a.ns, 'nft', ...loss)
    const report = a.ns.inside(() =>
      a.kernel.reconcile({ selfName: 'n1', nodes: rows, sweep: true, tables: true }),
    )
    assert.deepEqual(report.faults, [], loss.join(' '))
    assert.equal(sorted(rules()), sorted(before), loss.join(' '))
    assert.ok(await served(outside.ns, pod, { ip: addressOf(a, 4), port: 8080 }))
  }
})

/** Elements of a set come in any order. */
const sorted = (text: string): string =>
  text
    .split(/[\n,{}]/)
    .map((l) => l.trim())
    .filter((l) => l !== '')
    .sort()
    .join('\n')
