// Which tunnels a pod may make is the plain network's guard's to say: it must see such packets.

import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { bed, toStack, VERDICT } from './bed.ts'
import { ipPacket, type Segment } from './bytes.ts'
import { egress, fromPeer, fromPod, ingress, swapped, toPeer } from './node.ts'
import { sizes } from './tables.ts'
import { families, peers, podAddress, standardTopology } from './topology.ts'

const PORT = 4789
const node = bed({ constants: { have_conntrack: 1 } })
const other = bed({ constants: { have_conntrack: 1, vxlan_port: 8472 } })
beforeEach(() => {
  for (const b of [node, other]) {
    b.forget()
    b.lay(standardTopology(b))
  }
})

for (const family of families) {
  const ways = [
    toPeer(0, peers.direct, family),
    toPeer(0, peers.vxlan4, family),
    { src: podAddress(0, family), dst: podAddress(1, family) },
  ]
  const to = (port: number, over: Partial<Segment> = {}): Buffer[] =>
    ways.map((ends) => ipPacket({ protocol: 'udp', ...ends, ports: [5000, port], ...over }))

  test(`IPv${family}: a pod’s UDP to the VXLAN port goes to the stack, again and again, and makes no flow`, () => {
    for (const packet of [...to(PORT), ...to(PORT)])
      assert.deepEqual(egress(node, 0, packet), toStack(fromPod(0, packet), 'reason_sender'))
    assert.deepEqual(sizes(node), { waiting: 0, working: 0 })
  })

  test(`IPv${family}: UDP from that port goes to the stack, in which the answers are judged`, () => {
    for (const packet of to(80, { ports: [PORT, 80] }))
      assert.deepEqual(egress(node, 0, packet), toStack(fromPod(0, packet), 'reason_sender'))
    assert.deepEqual(sizes(node), { waiting: 0, working: 0 })
  })

  test(`IPv${family}: TCP to a port of that number is like any other`, () => {
    for (const packet of to(PORT, { protocol: 'tcp' }))
      assert.equal(egress(node, 0, packet).verdict, VERDICT.redirect)
  })

  test(`IPv${family}: the port is the one of the config`, () => {
    for (const packet of to(PORT)) assert.equal(egress(other, 0, packet).verdict, VERDICT.redirect)
    for (const packet of to(8472))
      assert.deepEqual(egress(other, 0, packet), toStack(fromPod(0, packet), 'reason_sender'))
  })

  test(`IPv${family}: who is asked from that port answers through the stack`, () => {
    const question: Segment = { protocol: 'udp', ...toPeer(0, peers.vxlan4, family), ports: [80, PORT] }
    assert.equal(ingress(node, fromPeer(peers.vxlan4, ipPacket(swapped(question)))).verdict, VERDICT.stack)
    assert.equal(egress(node, 0, ipPacket(question)).verdict, VERDICT.stack)
    assert.deepEqual(sizes(node), { waiting: 0, working: 0 })
  })
}
