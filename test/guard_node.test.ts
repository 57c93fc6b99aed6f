import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addAddress } from '../src/kernel/netlink/address.ts'
import { addressOf, ip, linkOf, testCluster, write } from './guard/cluster.ts'
import { frame, udp, vxlan } from './guard/frames.ts'
import { sendFrame, Udp } from './guard/sockets.ts'

async function hears(socket: Udp, send: () => void): Promise<boolean> {
  send()
  return (await socket.receive(80)) !== undefined
}

test('a hostPort on 127.0.0.1 is not for the segment, whatever a neighbour writes into its frames', async (t) => {
  const { nodes, stranger } = testCluster(t)
  const [node] = nodes
  const loopback = ip('127.0.0.1')
  const hostPort = { hostPort: 9000, containerPort: 7000, protocol: 'udp', hostIp: loopback } as const
  const pod = node.pod(2, { hostPorts: [hostPort] })
  using ear = new Udp(pod.ns, { ip: addressOf(pod, 4), port: 7000 })
  const bytes = frame(
    { from: stranger.mac, to: node.mac },
    udp({ src: addressOf(stranger, 4), dst: loopback }, { to: 9000 }, Buffer.from('x')),
  )
  const attack = (): void => sendFrame(stranger.ns, 'eth0', bytes)
  assert.ok(!(await hears(ear, attack)))
  assert.deepEqual(node.drops(), { loopback_from_outside: 1 })
  await node.without('sources', async () =>
    assert.ok(await hears(ear, attack), 'without the chain it gets through'),
  )
  using own = new Udp(node.ns, { ip: loopback, port: 0 })
  assert.ok(await hears(ear, () => own.send({ ip: loopback, port: 9000 }, 'y')), 'the host itself reaches it')
})

test('a node takes VXLAN only at addresses that its Node object names', async (t) => {
  const { nodes } = testCluster(t, { config: 'pathMode: vxlan' })
  const [node, other] = nodes
  const victim = node.pod(3)
  const unnamed = ip('192.0.2.77')
  write(node.ns, [addAddress({ index: linkOf(node.ns, 'eth0').index, ip: unnamed, prefixLength: 32 })])
  using ear = new Udp(victim.ns, { ip: addressOf(victim, 4), port: 7000 })
  const tunnelMac = linkOf(node.ns, 'podlane-vxlan').mac ?? assert.fail()
  const inner = frame(
    { from: linkOf(other.ns, 'podlane-vxlan').mac ?? assert.fail(), to: tunnelMac },
    udp({ src: ip('10.244.2.9'), dst: addressOf(victim, 4) }, { to: 7000 }, Buffer.from('x')),
  )
  const to = (dst: typeof unnamed): void =>
    sendFrame(
      other.ns,
      'eth0',
      frame(
        { from: other.mac, to: node.mac },
        udp({ src: addressOf(other, 4), dst }, { to: 4789 }, vxlan(112, inner)),
      ),
    )
  assert.ok(await hears(ear, () => to(addressOf(node, 4))), 'at the named one it is honest')
  assert.ok(!(await hears(ear, () => to(unnamed))))
  assert.deepEqual(node.drops(), { tunnel_unknown_sender: 1 })
})

test('a pod cannot send VXLAN of ours to an address that no Node object names', async (t) => {
  const { nodes, outside } = testCluster(t, { config: 'pathMode: vxlan' })
  const [node] = nodes
  const pod = node.pod(2)
  using ear = new Udp(outside.ns, { ip: addressOf(outside, 4), port: 4789 })
  const send = (vni: number): void =>
    sendFrame(
      pod.ns,
      'eth0',
      frame(
        { from: pod.mac, to: pod.hostMac },
        udp(
          { src: addressOf(pod, 4), dst: addressOf(outside, 4) },
          { to: 4789 },
          vxlan(vni, new Uint8Array(60)),
        ),
      ),
    )
  assert.ok(!(await hears(ear, () => send(112))))
  assert.ok(await hears(ear, () => send(7)), 'another network’s is its own affair')
  assert.deepEqual(node.drops(), { pod_vxlan: 1 })
})

for (const pathMode of ['direct', 'vxlan'])
  test(`what a pod sends to the port of path probes reaches no node, and nodes’ own does: pathMode ${pathMode}`, async (t) => {
    const { nodes } = testCluster(t, { config: `pathMode: ${pathMode}` })
    const [node, other] = nodes
    const [near, far] = [node.pod(2), other.pod(2)]
    const isDirect = pathMode === 'direct'
    for (const v of [4, 6] as const) {
      const end = (n: number) => ip(v === 4 ? `10.244.${n}.1` : `fd00:${n}::1`)
      const to = { ip: isDirect ? addressOf(node, v) : end(1), port: 9475 }
      using ear = new Udp(node.ns, { ip: to.ip, port: to.port })
      using fromNear = new Udp(near.ns, { ip: addressOf(near, v), port: to.port })
      using fromFar = new Udp(far.ns, { ip: addressOf(far, v), port: to.port })
      using fromNode = new Udp(other.ns, { ip: isDirect ? addressOf(other, v) : end(2), port: to.port })
      assert.ok(await hears(ear, () => fromNode.send(to, 'x')), `IPv${v}: the other node's`)
      for (const pod of [fromNear, fromFar]) {
        assert.ok(!(await hears(ear, () => pod.send(to, 'x'))))
        await node.without('probe_to_node', async () =>
          assert.ok(await hears(ear, () => pod.send(to, 'x')), 'without the chain it gets through'),
        )
      }
    }
    assert.deepEqual(node.drops(), { pod_probe: 4 })
  })
