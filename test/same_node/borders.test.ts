import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { IfIndex } from '../../src/base/ifindex.ts'
import { addAddress } from '../../src/kernel/netlink/address.ts'
import { setLink } from '../../src/kernel/netlink/link.ts'
import { call, mustCall } from '../../src/kernel/syscalls.ts'
import { addressOf, type Host, ip, run, sysctl, write } from '../guard/cluster.ts'
import { connectTcp, sockaddr, Tcp, TcpListener } from '../guard/sockets.ts'
import { testNamespace } from '../namespaces.ts'
import { connect, hangUp, lacking, sameNodeBench } from './bench.ts'

const skip = lacking() ?? false
const LOOPBACK = 1 as IfIndex
const AF_INET = 2
const STREAM_NONBLOCK = 1 | 0x800
const MSG_FASTOPEN = 0x20000000
/** Client, server, neither with a cookie, and for every listener (ip-sysctl). */
const FASTOPEN_WITHOUT_COOKIE = 0x1 | 0x2 | 0x4 | 0x200 | 0x400

const translate = (node: Host, from: string, to: string): string =>
  run(
    node.ns,
    'nft',
    `add table ip test; add chain ip test pre { type nat hook prerouting priority dstnat; }; add rule ip test pre ip daddr ${from} dnat to ${to}`,
  )

test('through a Service the connection stays in the stack, and so does one with the same ports beside it', {
  skip,
}, async (t) => {
  const bench = sameNodeBench(t)
  const [a, b] = [bench.pod(2), bench.pod(3)]
  bench.optIn(a, b)
  translate(bench.node, '10.96.0.10', addressOf(b, 4))
  const at = { ip: addressOf(b, 4), port: 8000 }
  using listener = new TcpListener(b.ns, at)
  const from = { ip: addressOf(a, 4), port: 33333 }
  using service = (await connectTcp(a.ns, { ip: ip('10.96.0.10'), port: 8000 }, from)) ?? assert.fail('none')
  using behind = (await listener.accept()) ?? assert.fail('none')
  // The same source port, now to the pod itself: what the first connection's far end looks like.
  const beside = await connectTcp(a.ns, at, from)
  using other = await listener.accept()
  service.write('by the Service')
  assert.equal(await behind.read(), 'by the Service')
  behind.write('and back')
  assert.equal(await service.read(), 'and back')
  if (beside && other) {
    beside.write('beside it')
    assert.equal(await other.read(), 'beside it')
    other.write('and back')
    assert.equal(await beside.read(), 'and back')
    beside[Symbol.dispose]()
  }
  assert.equal(await behind.read(20), undefined)
  assert.equal(await service.read(20), undefined)
})

test('somebody with the pods’ addresses in a namespace of his own gets nothing of theirs', {
  skip,
}, async (t) => {
  const bench = sameNodeBench(t)
  const [a, b] = [bench.pod(2), bench.pod(3)]
  bench.optIn(a, b)
  const thief = testNamespace(t)
  write(thief, [
    setLink(LOOPBACK, { up: true }),
    ...[a, b].map((p) => addAddress({ index: LOOPBACK, ip: addressOf(p, 4), prefixLength: 32 })),
  ])
  const at = { ip: addressOf(b, 4), port: 8001 }
  using listener = new TcpListener(thief, at)
  using client = (await connectTcp(thief, at, { ip: addressOf(a, 4), port: 40000 })) ?? assert.fail('none')
  using server = (await listener.accept()) ?? assert.fail('none')
  client.write('mine')
  assert.equal(await server.read(), 'mine')
  assert.equal(bench.count('sockets'), 0)
})

test('a pod is removed while its connection is open, and its address goes to another', {
  skip,
}, async (t) => {
  const bench = sameNodeBench(t)
  const [a, b] = [bench.pod(2), bench.pod(3)]
  bench.optIn(a, b)
  const { client, server, listener } = await connect(t, a, b)
  client.write('x')
  assert.equal(await server.read(), 'x')
  bench.sockets().removePod(b.endpoint)
  bench.node.remove(b)
  const before = bench.count('short')
  client.write('to whom?')
  assert.equal(bench.count('short'), before)
  assert.equal(bench.count('void'), 1)
  assert.equal(await server.read(20), undefined)
  hangUp(server)
  hangUp(listener)
  const next = bench.pod(3)
  const { client: client2, server: server2 } = await connect(t, a, next)
  client2.write('hello')
  assert.equal(await server2.read(), 'hello')
  client.write('still to the old one')
  assert.equal(await server2.read(20), undefined)
})

test('the agent is killed: old and new connections go on, and the next agent finds all as it stands', {
  skip,
}, async (t) => {
  const bench = sameNodeBench(t)
  const [a, b] = [bench.pod(2), bench.pod(3)]
  bench.optIn(a, b)
  const folder = join(bench.folder, 'sockets')
  const pins = readdirSync(folder)
  const old = await connect(t, a, b)
  bench.restart()
  for (const { client, server } of [old, await connect(t, a, b)]) {
    client.write('hello')
    assert.equal(await server.read(), 'hello')
  }
  // Before its inputs are in sync it takes nothing away.
  bench.sockets().apply([], [a.endpoint, b.endpoint], { sweep: false })
  assert.equal(bench.sockets().status().pods, 4)
  assert.equal(bench.count('short'), 2)
  bench.optIn(a, b)
  assert.deepEqual(readdirSync(folder), pins)
  old.client.write('and again')
  assert.equal(await old.server.read(), 'and again')
  assert.equal(bench.count('short'), 3)
})

test('one pod opts out: its connections go back to the stack, those of others do not', {
  skip,
}, async (t) => {
  const bench = sameNodeBench(t)
  const [a, b, c] = [bench.pod(2), bench.pod(3), bench.pod(4)]
  bench.optIn(a, b, c)
  const [leaving, staying] = [await connect(t, a, c), await connect(t, a, b)]
  const talk = async (): Promise<void> => {
    for (const { client, server } of [leaving, staying]) {
      client.write('hello')
      assert.equal(await server.read(), 'hello')
    }
  }
  await talk()
  assert.equal(bench.count('short'), 2)
  bench.optIn(a, b)
  await talk()
  assert.equal(bench.count('short'), 3)
  assert.equal(bench.count('void'), 1)
})

for (const server of ['takes', 'does not take'])
  test(`what is sent with the first packet (TCP fast open) comes first, also if the server ${server} it`, {
    skip,
  }, async (t) => {
    const bench = sameNodeBench(t)
    const [a, b] = [bench.pod(2), bench.pod(3)]
    bench.optIn(a, b)
    sysctl(a.ns, 'ipv4/tcp_fastopen', String(FASTOPEN_WITHOUT_COOKIE))
    sysctl(b.ns, 'ipv4/tcp_fastopen', String(server === 'takes' ? FASTOPEN_WITHOUT_COOKIE : 0))
    const at = { ip: addressOf(b, 4), port: 8002 }
    using listener = new TcpListener(b.ns, at)
    using client = new Tcp(a.ns.inside(() => mustCall('socket', AF_INET, STREAM_NONBLOCK, 0)))
    const to = sockaddr(at)
    assert.equal(call('sendto', client.fd, Buffer.from('first '), 6, MSG_FASTOPEN, to, to.length), 6)
    using far = (await listener.accept()) ?? assert.fail('none came')
    client.write('second ')
    client.write('third')
    let got = ''
    for (let text = await far.read(50); text; text = await far.read(50)) got += text
    assert.equal(got, 'first second third')
    far.write('back')
    assert.equal(await client.read(), 'back')
  })
