import assert from 'node:assert/strict'
import { test } from 'node:test'
import { familyOf, type Ip } from '../src/base/ip.ts'
import { addressOf, ip, mac, run, sysctl, type TestNode, type TestPod, testCluster } from './guard/cluster.ts'
import { ARP, arp, ethernet, fragments, frame, neighbour, udp } from './guard/frames.ts'
import { sendFrame, Udp } from './guard/sockets.ts'

const families = [4, 6] as const

/** Whether a datagram of a forged sender comes to the victim's socket. */
async function arrives(
  attacker: TestPod,
  bytes: Uint8Array | readonly Uint8Array[],
  at: Udp,
): Promise<boolean> {
  for (const b of Array.isArray(bytes) ? bytes : [bytes]) sendFrame(attacker.ns, 'eth0', b)
  return (await at.receive(60)) !== undefined
}

/** The kernel's own reverse path filter is a second wall: on a link without address it is as good as strict. */
const withoutReversePathFilter = (node: TestNode, pod: TestPod): void =>
  sysctl(node.ns, `ipv4/conf/${pod.endpoint.link.name}/rp_filter`, '0')

test('a pod that sends from another address, or from another MAC, is not heard', async (t) => {
  const { nodes } = testCluster(t)
  const [node] = nodes
  const [attacker, victim] = [node.pod(2), node.pod(3)]
  node.pod(4)
  withoutReversePathFilter(node, attacker)
  for (const v of families) {
    const to = addressOf(victim, v)
    using socket = new Udp(victim.ns, { ip: to, port: 7000 })
    const link = { from: attacker.mac, to: attacker.hostMac }
    const from = (src: Ip, own = link) => frame(own, udp({ src, dst: to }, { to: 7000 }, Buffer.from('x')))
    const other = ip(v === 4 ? '10.244.1.4' : 'fd00:1::4')
    const foreign = ip(v === 4 ? '198.51.100.7' : '2001:db8:7::7')
    assert.ok(await arrives(attacker, from(addressOf(attacker, v)), socket), 'its own address')
    assert.ok(!(await arrives(attacker, from(other), socket)), 'another pod’s address')
    assert.ok(!(await arrives(attacker, from(to), socket)), 'the victim’s own address')
    assert.ok(!(await arrives(attacker, from(foreign), socket)), 'an address of the outside')
    assert.ok(!(await arrives(attacker, from(addressOf(node, v)), socket)), 'the node’s address')
    const strangeMac = { ...link, from: mac('0a:70:00:00:00:99') }
    assert.ok(!(await arrives(attacker, from(addressOf(attacker, v), strangeMac), socket)), 'another MAC')
    await node.without('from_pod', async () => {
      assert.ok(await arrives(attacker, from(other), socket), 'without the chain it gets through')
      assert.ok(await arrives(attacker, from(addressOf(attacker, v), strangeMac), socket))
    })
    assert.ok(!(await arrives(attacker, from(other), socket)))
  }
  assert.equal(node.drops().pod_spoofed, 12)
})

test('a forged fragment does not get into a datagram of another pod', async (t) => {
  const { nodes } = testCluster(t)
  const [node] = nodes
  const [attacker, sender, victim] = [node.pod(2), node.pod(3), node.pod(4)]
  for (const v of families) {
    using socket = new Udp(victim.ns, { ip: addressOf(victim, v), port: 7000 })
    const route = { src: addressOf(sender, v), dst: addressOf(victim, v) }
    const whole = udp(route, { to: 7000 }, Buffer.from('a'.repeat(1200)))
    const [first, last] = fragments(whole, route, 800)
    assert.ok(first && last)
    const byForger = frame({ from: attacker.mac, to: attacker.hostMac }, first)
    const honest = (part: Uint8Array) => frame({ from: sender.mac, to: sender.hostMac }, part)
    const mixed = async (): Promise<number | undefined> => {
      sendFrame(attacker.ns, 'eth0', byForger)
      sendFrame(sender.ns, 'eth0', honest(last))
      return (await socket.receive(60))?.data.length
    }
    assert.equal(await mixed(), undefined, `IPv${v}`)
    // The honest first part completes what the honest last part began: nothing of the forger was kept.
    sendFrame(sender.ns, 'eth0', honest(first))
    assert.equal((await socket.receive(60))?.data.length, 1200)
    await node.without('sources', async () => assert.equal(await mixed(), 1200, 'without the chain'))
  }
  assert.equal(node.drops().pod_spoofed, 2)
})

test('a pod cannot claim an address of another by ARP or neighbour discovery, and may use its own', async (t) => {
  const { nodes } = testCluster(t)
  const [node] = nodes
  const [attacker, victim] = [node.pod(2), node.pod(3)]
  withoutReversePathFilter(node, attacker)
  const broadcast = mac('ff:ff:ff:ff:ff:ff')
  const none = mac('00:00:00:00:00:00')
  const gateway = ip('169.254.1.1')
  const claim = (address: Ip, sender = attacker.mac): Uint8Array =>
    ethernet(
      { from: attacker.mac, to: broadcast },
      ARP,
      arp('request', { mac: sender, ip: address }, { mac: none, ip: gateway }),
    )
  sendFrame(attacker.ns, 'eth0', claim(addressOf(attacker, 4)))
  sendFrame(attacker.ns, 'eth0', claim(ip('0.0.0.0')))
  assert.deepEqual(node.drops(), {})
  sendFrame(attacker.ns, 'eth0', claim(addressOf(victim, 4)))
  sendFrame(attacker.ns, 'eth0', claim(addressOf(attacker, 4), victim.mac))
  sendFrame(attacker.ns, 'eth0', claim(gateway))
  assert.deepEqual(node.drops(), { arp_pod_spoofed: 3 })

  const router = ip('fe80::1')
  const link = { from: attacker.mac, to: attacker.hostMac }
  const solicit = (src: Ip) =>
    frame(link, neighbour('solicitation', { src, dst: router }, router, attacker.mac))
  const advertise = (src: Ip, target: Ip) =>
    frame(link, neighbour('advertisement', { src, dst: router }, target, attacker.mac))
  const own = addressOf(attacker, 6)
  const linkLocal = ip('fe80::1234')
  for (const bytes of [
    solicit(own),
    solicit(linkLocal),
    advertise(own, own),
    advertise(linkLocal, linkLocal),
    advertise(linkLocal, own),
  ])
    sendFrame(attacker.ns, 'eth0', bytes)
  assert.deepEqual(node.drops(), { arp_pod_spoofed: 3 })
  const theirs = addressOf(victim, 6)
  for (const bytes of [
    solicit(theirs),
    advertise(own, theirs),
    advertise(linkLocal, theirs),
    advertise(theirs, theirs),
  ])
    sendFrame(attacker.ns, 'eth0', bytes)
  assert.deepEqual(node.drops(), { arp_pod_spoofed: 3, pod_spoofed: 4 })
  const asking = (): string =>
    run(node.ns, 'ip', 'neigh', 'show', addressOf(victim, 4), 'dev', attacker.endpoint.link.name)
  assert.equal(asking(), '')
  await node.without('arp from_pod', async () => sendFrame(attacker.ns, 'eth0', claim(addressOf(victim, 4))))
  assert.match(asking(), /lladdr/, 'without the chain the claim is believed')
})

test('a pod does not reach a server on a loopback address of the host, though its link routes them for hostPorts', async (t) => {
  const { nodes } = testCluster(t)
  const [node] = nodes
  const pod = node.pod(2, {
    hostPorts: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp', hostIp: undefined }],
  })
  for (const to of [ip('127.0.0.1'), ip('127.1.2.3'), ip('::1')]) {
    using socket = new Udp(node.ns, { ip: to, port: 7000 })
    const link = { from: pod.mac, to: pod.hostMac }
    const bytes = frame(
      link,
      udp({ src: addressOf(pod, familyOf(to)), dst: to }, { to: 7000 }, Buffer.from('x')),
    )
    assert.ok(!(await arrives(pod, bytes, socket)))
    if (familyOf(to) === 4)
      await node.without('from_pod', async () =>
        assert.ok(await arrives(pod, bytes, socket), 'without the chain'),
      )
  }
  // The kernel itself takes no packet for ::1 from a link.
  assert.equal(node.drops().pod_to_loopback, 2)
})
