import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Family, Ip } from '../src/base/ip.ts'
import type { Mac } from '../src/base/mac.ts'
import { addVeth, setLink } from '../src/kernel/netlink/link.ts'
import {
  addressOf,
  type Host,
  ip,
  linkOf,
  mac,
  run,
  sysctl,
  type TestNode,
  type TestPod,
  testCluster,
  write,
} from './guard/cluster.ts'
import { type Ethernet, fragments, frame, udp, vxlan } from './guard/frames.ts'
import { sendFrame, Udp } from './guard/sockets.ts'
import { testNamespace } from './namespaces.ts'

const families = [4, 6] as const
const VNI = 112
const PORT = 4789
const tunnelMac = (node: TestNode): Mac => linkOf(node.ns, 'podlane-vxlan').mac ?? assert.fail()

type Forgery = {
  readonly link: Ethernet
  readonly outer: { src: Ip; dst: Ip }
  readonly node: TestNode
  readonly inner: { src: Ip; dst: Ip }
  readonly vni?: number
}

const outerPacket = ({ outer, node, inner, vni = VNI }: Forgery, port = PORT): Uint8Array => {
  const within = frame(
    { from: mac('0e:00:00:00:00:01'), to: tunnelMac(node) },
    udp(inner, { to: 7000 }, Buffer.from('forged')),
  )
  return udp(outer, { to: port }, vxlan(vni, within))
}
const forged = (f: Forgery, port?: number): Uint8Array => frame(f.link, outerPacket(f, port))

async function hears(socket: Udp, send: () => void): Promise<boolean> {
  send()
  return (await socket.receive(50)) !== undefined
}

/** One socket a family at the pod that attackers write to. */
const ears = (pod: TestPod, v: Family): Udp => new Udp(pod.ns, { ip: addressOf(pod, v), port: 7000 })
const remote = (v: Family, node = 2): Ip => ip(v === 4 ? `10.244.${node}.9` : `fd00:${node}::9`)

for (const underlay of [4, 6] as const) {
  test(`a pod cannot send VXLAN to any address of its own node or of another, over IPv${underlay}`, async (t) => {
    const { nodes } = testCluster(t, { config: 'pathMode: vxlan', underlay: [underlay] })
    const [node, other] = nodes
    const [attacker, victim, far] = [node.pod(2), node.pod(3), other.pod(3)]
    // With the node's addresses of the tunnel and of its other links.
    const own =
      underlay === 4
        ? [addressOf(node, 4), ip('10.244.1.1'), ip('255.255.255.255')]
        : [addressOf(node, 6), ip('fd00:1::1'), ip('fe80::1')]
    for (const v of families) {
      using near = ears(victim, v)
      using away = ears(far, v)
      const inner = { src: remote(v), dst: addressOf(victim, v) }
      const link = { from: attacker.mac, to: attacker.hostMac }
      for (const dst of own) {
        const bytes = forged({ link, outer: { src: addressOf(attacker, underlay), dst }, node, inner })
        assert.ok(!(await hears(near, () => sendFrame(attacker.ns, 'eth0', bytes))), dst)
      }
      // To the other node it would leave masqueraded, as VXLAN of a known node.
      const outer = { src: addressOf(attacker, underlay), dst: addressOf(other, underlay) }
      const bytes = forged({
        link,
        outer,
        node: other,
        inner: { src: addressOf(victim, v), dst: addressOf(far, v) },
      })
      assert.ok(!(await hears(away, () => sendFrame(attacker.ns, 'eth0', bytes))))
      await node.without('vxlan_to_node', async () =>
        assert.ok(
          await hears(away, () => sendFrame(attacker.ns, 'eth0', bytes)),
          'without the chain it gets through',
        ),
      )
    }
    assert.deepEqual(node.drops(), { pod_vxlan: 8 })
    assert.deepEqual(other.drops(), {})
  })

  test(`a node takes VXLAN only from known nodes, through its uplink, to whatever address, over IPv${underlay}`, async (t) => {
    const { nodes, stranger } = testCluster(t, { config: 'pathMode: vxlan', underlay: [underlay] })
    const [node, other] = nodes
    const victim = node.pod(3)
    const everyone =
      underlay === 4 ? [ip('255.255.255.255'), ip('192.0.2.255'), ip('224.0.0.1')] : [ip('ff02::1')]
    const to = { from: stranger.mac, to: node.mac }
    for (const v of families) {
      using near = ears(victim, v)
      const inner = { src: remote(v), dst: addressOf(victim, v) }
      const from = (src: Host, dst: Ip) =>
        forged({ link: to, outer: { src: addressOf(src, underlay), dst }, node, inner })
      assert.ok(
        !(await hears(near, () => sendFrame(stranger.ns, 'eth0', from(stranger, addressOf(node, underlay))))),
      )
      for (const dst of everyone)
        assert.ok(!(await hears(near, () => sendFrame(stranger.ns, 'eth0', from(stranger, dst)))), dst)
      await node.without('from_underlay', async () => {
        for (const dst of [addressOf(node, underlay), ...everyone])
          assert.ok(
            await hears(near, () => sendFrame(stranger.ns, 'eth0', from(stranger, dst))),
            `without: ${dst}`,
          )
      })
      const honest = forged({
        link: { from: other.mac, to: node.mac },
        outer: { src: addressOf(other, underlay), dst: addressOf(node, underlay) },
        node,
        inner,
      })
      assert.ok(await hears(near, () => sendFrame(other.ns, 'eth0', honest)))
      const program = new Udp(node.ns, { ip: addressOf(node, underlay), port: 0 })
      const fromInside = outerPacket({
        link: to,
        outer: { src: addressOf(node, underlay), dst: addressOf(node, underlay) },
        node,
        inner,
      })
      const data = Buffer.from(fromInside.subarray(underlay === 4 ? 28 : 48)).toString('latin1')
      assert.ok(
        !(await hears(near, () => program.send({ ip: addressOf(node, underlay), port: PORT }, data))),
        'a program of the host',
      )
      program[Symbol.dispose]()
    }
    assert.equal(node.drops().tunnel_unknown_sender, 2 * (2 + everyone.length))
  })

  test(`a known node cannot send from the pods of another through its tunnel, whole or in fragments, over IPv${underlay}`, async (t) => {
    const { nodes } = testCluster(t, { nodes: 3, config: 'pathMode: vxlan', underlay: [underlay] })
    const [node, liar] = nodes
    const victim = node.pod(3)
    const route = { src: addressOf(liar, underlay), dst: addressOf(node, underlay) }
    const link = { from: liar.mac, to: node.mac }
    for (const v of families) {
      using near = ears(victim, v)
      const claim = (src: Ip): Forgery => ({
        link,
        outer: route,
        node,
        inner: { src, dst: addressOf(victim, v) },
      })
      const inPieces = (src: Ip): void => {
        for (const piece of fragments(outerPacket(claim(src)), route, 32))
          sendFrame(liar.ns, 'eth0', frame(link, piece))
      }
      const lies = [
        remote(v, 3),
        remote(v, 1),
        addressOf(victim, v),
        ip(v === 4 ? '198.51.100.1' : '2001:db8:9::1'),
      ]
      for (const src of lies)
        assert.ok(!(await hears(near, () => sendFrame(liar.ns, 'eth0', forged(claim(src))))), src)
      assert.ok(!(await hears(near, () => inPieces(remote(v, 3)))))
      assert.ok(await hears(near, () => sendFrame(liar.ns, 'eth0', forged(claim(remote(v, 2))))))
      assert.ok(await hears(near, () => inPieces(remote(v, 2))))
      await node.without('from_underlay', async () =>
        assert.ok(
          await hears(near, () => sendFrame(liar.ns, 'eth0', forged(claim(remote(v, 3))))),
          'without the chain',
        ),
      )
    }
    assert.deepEqual(node.drops(), { tunnel_forged_source: 10 })
  })
}

test('VXLAN of a known node counts for nothing on an interface that is not the uplink', async (t) => {
  const { nodes } = testCluster(t, { config: 'pathMode: vxlan', underlay: [4] })
  const [node, other] = nodes
  const victim = node.pod(3)
  const elsewhere = testNamespace(t)
  const link = { from: mac('02:00:00:00:02:02'), to: mac('02:00:00:00:02:01') }
  write(node.ns, [
    addVeth({
      name: 'eth1',
      mac: link.to,
      mtuBytes: 1500,
      group: 0,
      peer: { name: 'eth1', mac: link.from, netnsFd: elsewhere.fd },
    }),
    setLink('eth1', { up: true }),
  ])
  write(elsewhere, [setLink('eth1', { up: true })])
  run(node.ns, 'ip', 'addr', 'add', '203.0.113.1/24', 'dev', 'eth1')
  sysctl(node.ns, 'ipv4/conf/eth1/rp_filter', '0')
  for (const v of families) {
    using near = ears(victim, v)
    const outer = { src: addressOf(other, 4), dst: addressOf(node, 4) }
    const inner = { src: remote(v), dst: addressOf(victim, v) }
    const bytes = forged({ link, outer, node, inner })
    assert.ok(!(await hears(near, () => sendFrame(elsewhere, 'eth1', bytes))))
    await node.without('from_underlay', async () =>
      assert.ok(await hears(near, () => sendFrame(elsewhere, 'eth1', bytes))),
    )
    // A bare packet with a pod's address does not come in there either.
    const bare = frame(link, udp(inner, { to: 7000 }, Buffer.from('x')))
    assert.ok(!(await hears(near, () => sendFrame(elsewhere, 'eth1', bare))))
  }
  assert.deepEqual(node.drops(), { tunnel_unknown_sender: 2, direct_forged_source: 2 })
})

test('no Service that leads to the VXLAN port makes VXLAN of other packets, on this node or on the way to another', async (t) => {
  const { nodes } = testCluster(t, { config: 'pathMode: vxlan', underlay: [4] })
  const [node, other] = nodes
  const [attacker, victim, far] = [node.pod(2), node.pod(3), other.pod(3)]
  // As kube-proxy would translate a Service whose endpoint somebody set to NODE:4789.
  const service = (on: TestNode, port: number, to: Ip): void =>
    void run(
      on.ns,
      'nft',
      `table ip proxy${port} { chain in { type nat hook prerouting priority dstnat; udp dport ${port} dnat to ${to}:4789; }; chain out { type nat hook postrouting priority srcnat; udp dport 4789 ct status dnat masquerade; }; }`,
    )
  service(node, 53, addressOf(node, 4))
  service(node, 54, addressOf(other, 4))
  service(other, 55, addressOf(other, 4))
  const link = { from: attacker.mac, to: attacker.hostMac }
  const send = (port: number, dst: Ip, to: TestNode, inner: { src: Ip; dst: Ip }) => (): void =>
    sendFrame(
      attacker.ns,
      'eth0',
      forged({ link, outer: { src: addressOf(attacker, 4), dst }, node: to, inner }, port),
    )
  using near = ears(victim, 4)
  using away = ears(far, 4)
  const cluster = ip('10.96.0.10')
  const toNear = send(53, cluster, node, { src: remote(4), dst: addressOf(victim, 4) })
  const toFar = send(54, cluster, other, { src: addressOf(victim, 4), dst: addressOf(far, 4) })
  const byNodePort = send(55, addressOf(other, 4), other, {
    src: addressOf(victim, 4),
    dst: addressOf(far, 4),
  })
  assert.ok(!(await hears(near, toNear)))
  assert.ok(!(await hears(away, toFar)))
  assert.ok(!(await hears(away, byNodePort)))
  assert.deepEqual(node.drops(), { pod_vxlan: 2 })
  assert.deepEqual(other.drops(), { tunnel_unknown_sender: 1 })
  await node.without('to_node', async () => assert.ok(await hears(near, toNear)))
  await node.without('vxlan_to_node', async () => assert.ok(await hears(away, toFar)))
  await other.without('from_underlay', async () => assert.ok(await hears(away, byNodePort)))
})

test('another network of the host cannot send VXLAN of ours to a node through it; its own VXLAN devices are left alone', async (t) => {
  const { nodes, stranger } = testCluster(t, { config: 'pathMode: vxlan', underlay: [4] })
  const [node, other] = nodes
  const far = other.pod(3)
  const container = testNamespace(t)
  const link = { from: mac('02:00:00:00:02:02'), to: mac('02:00:00:00:02:01') }
  write(node.ns, [
    addVeth({
      name: 'docker0',
      mac: link.to,
      mtuBytes: 1500,
      group: 0,
      peer: { name: 'eth0', mac: link.from, netnsFd: container.fd },
    }),
    setLink('docker0', { up: true }),
  ])
  write(container, [setLink('eth0', { up: true })])
  run(node.ns, 'ip', 'addr', 'add', '172.17.0.1/16', 'dev', 'docker0')
  run(
    node.ns,
    'nft',
    'table ip docker { chain out { type nat hook postrouting priority srcnat; ip saddr 172.17.0.0/16 masquerade; }; }',
  )
  using away = ears(far, 4)
  const outer = { src: ip('172.17.0.2'), dst: addressOf(other, 4) }
  const inner = { src: remote(4, 1), dst: addressOf(far, 4) }
  const bytes = (vni: number) => forged({ link, outer, node: other, inner, vni })
  assert.ok(!(await hears(away, () => sendFrame(container, 'eth0', bytes(VNI)))))
  assert.deepEqual(node.drops(), { relayed_vxlan: 1 })
  await node.without('vxlan_to_node', async () =>
    assert.ok(await hears(away, () => sendFrame(container, 'eth0', bytes(VNI)))),
  )

  run(
    other.ns,
    'ip',
    'link',
    'add',
    'overlay',
    'type',
    'vxlan',
    'id',
    '500',
    'dstport',
    '4789',
    'local',
    addressOf(other, 4),
    // Devices of one port share one socket, if these agree.
    'udp6zerocsumrx',
  )
  run(other.ns, 'ip', 'link', 'set', 'overlay', 'up')
  const packets = (): number =>
    JSON.parse(run(other.ns, 'ip', '-s', '-j', 'link', 'show', 'overlay'))[0].stats64.rx.packets
  sendFrame(container, 'eth0', bytes(500))
  sendFrame(
    stranger.ns,
    'eth0',
    forged({
      link: { from: stranger.mac, to: other.mac },
      outer: { src: addressOf(stranger, 4), dst: addressOf(other, 4) },
      node: other,
      inner,
      vni: 500,
    }),
  )
  assert.equal(packets(), 2)
  assert.deepEqual(other.drops(), {})
})
