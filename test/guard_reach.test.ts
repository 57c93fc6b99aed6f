import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Family, familyOf, type Ip } from '../src/base/ip.ts'
import { addressOf, type Host, ip, type TestNode, type TestPod, testCluster } from './guard/cluster.ts'
import { frame, udp } from './guard/frames.ts'
import { connectTcp, sendFrame, TcpListener, Udp } from './guard/sockets.ts'

const families = [4, 6] as const
const any: Readonly<Record<Family, Ip>> = { 4: ip('0.0.0.0'), 6: ip('::') }

/** Whose address the receiver sees. */
async function seenFrom(sender: Host, receiver: Host, v: Family): Promise<Ip | undefined> {
  using at = new Udp(receiver.ns, { ip: addressOf(receiver, v), port: 7000 })
  using from = new Udp(sender.ns, { ip: any[v], port: 0 })
  from.send({ ip: addressOf(receiver, v), port: 7000 }, 'x')
  return (await at.receive())?.from.ip
}

/** Bytes that arrive of a stream; large enough that the kernel sends and joins big segments. */
async function stream(sender: Host, receiver: Host, v: Family, bytes: number): Promise<number> {
  using listener = new TcpListener(receiver.ns, { ip: addressOf(receiver, v), port: 7001 })
  using client =
    (await connectTcp(sender.ns, { ip: addressOf(receiver, v), port: 7001 })) ?? assert.fail('no connection')
  using server = (await listener.accept()) ?? assert.fail('none accepted')
  const chunk = 'x'.repeat(1 << 16)
  let sent = 0
  let received = 0
  while (received < bytes) {
    const n = sent < bytes ? client.write(chunk) : 0
    if (n > 0) sent += n
    const got = await server.read(n > 0 ? 0 : 300)
    if (got === undefined && n <= 0) break
    received += got?.length ?? 0
  }
  return received
}

const cases = [
  { config: 'pathMode: vxlan', underlay: [4] },
  { config: 'pathMode: vxlan', underlay: [6] },
  { config: 'pathMode: auto', underlay: [4, 6] },
  // IPv6 pods have no next hop of their family: they go through the tunnel, IPv4 ones direct.
  { config: 'pathMode: auto', underlay: [4] },
] as const

for (const { config, underlay } of cases) {
  test(`pods and nodes reach each other and nothing is dropped: ${config}, underlay IPv${underlay.join(' and ')}`, async (t) => {
    const { nodes } = testCluster(t, { nodes: 3, config, underlay })
    const [a, b] = nodes
    const pods = [a.pod(2), a.pod(3), b.pod(2)] as const
    for (const v of families) {
      for (const from of pods)
        for (const to of pods)
          if (from !== to)
            assert.equal(
              await seenFrom(from, to, v),
              addressOf(from, v),
              `${addressOf(from, v)} → ${addressOf(to, v)}`,
            )
      assert.ok((await stream(pods[0], pods[2], v, 4 << 20)) >= 4 << 20)
      for (const pod of [pods[0], pods[2]])
        assert.ok(await seenFrom(a, pod, v), `node → ${addressOf(pod, v)}`)
    }
    for (const node of nodes) assert.deepEqual(node.drops(), {}, node.name)
  })
}

test('a remote node sees the pod itself on a direct path and the pod’s node otherwise', async (t) => {
  for (const [config, direct] of [
    ['pathMode: auto', true],
    ['pathMode: vxlan', false],
  ] as const) {
    const { nodes } = testCluster(t, { config })
    const [a, b] = nodes
    const pod = a.pod(2)
    for (const v of families) {
      assert.equal(await seenFrom(pod, b, v), addressOf(direct ? pod : a, v), `${config}, IPv${v}`)
      assert.equal(await seenFrom(pod, a, v), addressOf(pod, v), 'its own node sees the pod')
    }
  }
})

const bare = (link: { from: Host; to: Host }, src: Ip, pod: TestPod): Uint8Array =>
  frame(
    { from: link.from.mac, to: link.to.mac },
    udp({ src, dst: addressOf(pod, familyOf(src)) }, { to: 7000 }, Buffer.from('x')),
  )

test('a bare packet with a pod’s source counts only from the node that has the pod', async (t) => {
  const { nodes, stranger } = testCluster(t, { nodes: 3 })
  const [node, honest, liar] = nodes as unknown as readonly [TestNode, TestNode, TestNode]
  const pod = node.pod(2)
  for (const v of families) {
    using ear = new Udp(pod.ns, { ip: addressOf(pod, v), port: 7000 })
    const hears = async (from: Host, src: Ip): Promise<boolean> => {
      sendFrame(from.ns, 'eth0', bare({ from, to: node }, src, pod))
      return (await ear.receive(50)) !== undefined
    }
    const [ofHonest, ofNode] =
      v === 4 ? [ip('10.244.2.9'), ip('10.244.1.9')] : [ip('fd00:2::9'), ip('fd00:1::9')]
    assert.ok(await hears(honest, ofHonest))
    assert.ok(!(await hears(stranger, ofHonest)))
    assert.ok(!(await hears(liar, ofHonest)))
    for (const from of [stranger, honest])
      assert.ok(!(await hears(from, ofNode)), 'a source of the node’s own range')
    assert.ok(
      await hears(stranger, addressOf(stranger, v)),
      'who is outside of the cluster may send as itself',
    )
    await node.without(`from_segment_${v}`, async () =>
      assert.ok(await hears(stranger, ofHonest), 'without the chain'),
    )
  }
  assert.deepEqual(node.drops(), { direct_forged_source: 8 })
})

test('a pod with the full MTU gets segments that fit through a tunnel, in both directions', async (t) => {
  for (const underlay of [4, 6] as const) {
    const { nodes } = testCluster(t, { config: 'pathMode: vxlan\npodMtu: uplink', underlay: [underlay] })
    const [a, b] = nodes
    const [client, near, far] = [a.pod(2), a.pod(3), b.pod(2)]
    const segments = async (to: TestPod, v: Family): Promise<number[]> => {
      using listener = new TcpListener(to.ns, { ip: addressOf(to, v), port: 7001 })
      using tcp = (await connectTcp(client.ns, { ip: addressOf(to, v), port: 7001 })) ?? assert.fail()
      using served = (await listener.accept()) ?? assert.fail()
      // Timestamps take twelve bytes of each segment.
      return [tcp.segmentBytes + 12, served.segmentBytes + 12]
    }
    for (const v of families) {
      const headers = v === 4 ? 40 : 60
      const tunnel = 1500 - (underlay === 4 ? 50 : 70) - headers
      assert.deepEqual(await segments(far, v), [tunnel, tunnel])
      assert.deepEqual(await segments(near, v), [1500 - headers, 1500 - headers])
      await a.without('through_node', () =>
        b.without('through_node', async () =>
          assert.deepEqual(await segments(far, v), [1500 - headers, 1500 - headers]),
        ),
      )
      assert.ok((await stream(client, far, v, 1 << 20)) >= 1 << 20)
    }
  }
})
