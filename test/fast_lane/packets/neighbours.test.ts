import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import type { Mac } from '../../../src/base/mac.ts'
import { arp, neighbour } from '../../guard/frames.ts'
import { bed, toStack, uplinkMac, VERDICT } from './bed.ts'
import { ETHERTYPE, ethernet, ipPacket } from './bytes.ts'
import { egress, fromPeer, fromPod, ingress, tcp, toPeer } from './node.ts'
import { hopOf } from './tables.ts'
import { directHop6, ip, mac, own, peers, podAddress, standardTopology } from './topology.ts'

const node = bed({ constants: { have_conntrack: 1 } })
const standard = standardTopology(node)
beforeEach(() => {
  node.forget()
  node.lay(standard)
})

const hop4 = peers.direct.hop
const elsewhere = mac('02:00:00:00:00:66')
const everybody = mac('ff:ff:ff:ff:ff:ff')
const groupMac = mac('33:33:00:00:00:01')
const ARP = 0x0806

const arpFrame = (
  op: 'request' | 'reply',
  sender: { mac: Mac; ip: typeof hop4.ip },
  to = uplinkMac,
): Buffer => ethernet({ to, from: sender.mac }, ARP, arp(op, sender, { mac: uplinkMac, ip: own[4] }))
const advertised = (address: Mac, to = uplinkMac, dst = own[6], hopLimit = 255): Buffer => {
  const packet = Buffer.from(neighbour('advertisement', { src: directHop6.ip, dst }, directHop6.ip, address))
  packet[7] = hopLimit
  return ethernet({ to, from: address }, ETHERTYPE[6], packet)
}

const to4 = () => egress(node, 0, tcp(toPeer(0, peers.direct, 4)))
const to6 = () => egress(node, 0, tcp(toPeer(0, peers.direct, 6)))
const isMoved = (ran: ReturnType<typeof to4>, frame: Buffer): void =>
  assert.deepEqual(ran, toStack(frame, 'reason_hop'))
const frame4 = fromPod(0, tcp(toPeer(0, peers.direct, 4)))
const frame6 = fromPod(0, tcp(toPeer(0, peers.direct, 6)))

for (const [what, heard] of Object.entries({
  'a reply': arpFrame('reply', { mac: elsewhere, ip: hop4.ip }),
  'a request': arpFrame('request', { mac: elsewhere, ip: hop4.ip }),
  'an announcement to all': arpFrame('request', { mac: elsewhere, ip: hop4.ip }, everybody),
}))
  test(`ARP, ${what} with another MAC: the paths through that hop are plain at once, and no others`, () => {
    assert.equal(to4().verdict, VERDICT.redirect)
    assert.deepEqual(ingress(node, heard), toStack(heard))
    assert.equal(hopOf(node, hop4.ip), 'moved')
    isMoved(to4(), frame4)
    assert.equal(to6().verdict, VERDICT.redirect, 'the same node’s IPv6 address is another neighbour')
    assert.equal(egress(node, 0, tcp(toPeer(0, peers.vxlan4, 4))).verdict, VERDICT.redirect)
  })

for (const [what, heard] of Object.entries({
  'an advertisement': advertised(elsewhere),
  'an advertisement to all': advertised(elsewhere, groupMac, ip('ff02::1')),
  'a solicitation': ethernet(
    { to: uplinkMac, from: elsewhere },
    ETHERTYPE[6],
    neighbour('solicitation', { src: directHop6.ip, dst: own[6] }, own[6], elsewhere),
  ),
}))
  test(`IPv6, ${what} with another MAC: the paths through that hop are plain at once, and no others`, () => {
    assert.equal(to6().verdict, VERDICT.redirect)
    assert.deepEqual(ingress(node, heard), toStack(heard))
    assert.equal(hopOf(node, directHop6.ip), 'moved')
    isMoved(to6(), frame6)
    assert.equal(to4().verdict, VERDICT.redirect)
  })

test('every path through a router that has moved is plain', () => {
  const router = peers.vxlan4.hop
  const heard = arpFrame('reply', { mac: elsewhere, ip: router.ip })
  ingress(node, heard)
  const packet = tcp(toPeer(0, peers.vxlan4, 4))
  isMoved(egress(node, 0, packet), fromPod(0, packet))
  assert.equal(egress(node, 0, tcp(toPeer(0, peers.vxlan6, 4))).verdict, VERDICT.redirect)
})

test('the same MAC as before, or that of nobody whom we send to, changes nothing', () => {
  const heard = [
    arpFrame('reply', hop4),
    arpFrame('reply', { mac: elsewhere, ip: ip('192.0.2.77') }),
    advertised(directHop6.mac),
  ]
  for (const frame of heard) assert.deepEqual(ingress(node, frame), toStack(frame))
  assert.deepEqual([hopOf(node, hop4.ip), hopOf(node, directHop6.ip)], ['good', 'good'])
})

test('what only looks like a neighbour message changes nothing', () => {
  const forwarded = advertised(elsewhere, uplinkMac, own[6], 254)
  const body = Buffer.from(advertised(elsewhere)).subarray(54)
  const ends = { src: directHop6.ip, dst: podAddress(0, 6) }
  // The message where a datagram's ports and data stand.
  const datagram = ipPacket({ ...ends, protocol: 'udp', ttl: 255 })
  body.copy(datagram, 40)
  for (const frame of [forwarded, fromPeer(peers.direct, datagram)])
    assert.equal(ingress(node, frame).verdict, VERDICT.stack)
  assert.equal(hopOf(node, directHop6.ip), 'good')
})

test('a cut or foreign ARP or neighbour message goes on untouched and changes nothing', () => {
  for (const whole of [arpFrame('reply', { mac: elsewhere, ip: hop4.ip }), advertised(elsewhere)])
    for (let length = 54; length < whole.length; length++) {
      if (whole.readUInt16BE(12) === ARP && length > 41) break
      const cut = Buffer.from(whole.subarray(0, length))
      const ran = ingress(node, cut)
      assert.deepEqual([ran.verdict, ran.packet], [VERDICT.stack, cut])
    }
  const foreign = arpFrame('reply', { mac: elsewhere, ip: hop4.ip })
  foreign.writeUInt16BE(0x8100, 16)
  ingress(node, foreign)
  assert.deepEqual([hopOf(node, hop4.ip), hopOf(node, directHop6.ip)], ['good', 'good'])
})

test('a moved hop is believed again when the agent has written what the kernel says', () => {
  ingress(node, arpFrame('reply', { mac: elsewhere, ip: hop4.ip }))
  isMoved(to4(), frame4)
  node.lay(standard)
  assert.equal(to4().verdict, VERDICT.redirect)
})

test('what comes in by a moved hop is still taken: it is known by its MAC', () => {
  ingress(node, arpFrame('reply', { mac: elsewhere, ip: hop4.ip }))
  const { src, dst } = toPeer(0, peers.direct, 4)
  assert.equal(ingress(node, fromPeer(peers.direct, tcp({ src: dst, dst: src }))).verdict, VERDICT.redirect)
})
