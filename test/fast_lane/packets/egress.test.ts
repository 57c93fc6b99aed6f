import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { bed, toStack, VERDICT } from './bed.ts'
import { aged, ETHERNET_BYTES, headerSum, ipPacket, type Segment } from './bytes.ts'
import { egress, fromPod, outTo, tcp, toPeer, toPod, tunnelTo } from './node.ts'
import { directHop6, families, peers, podAddress, standardTopology } from './topology.ts'

const node = bed({ constants: { have_conntrack: 1 } })
beforeEach(() => {
  node.forget()
  node.lay(standardTopology(node))
})

const kinds: readonly Partial<Segment>[] = [
  { protocol: 'tcp', flags: 2 },
  { protocol: 'tcp', data: Buffer.alloc(1000, 7) },
  { protocol: 'udp', ports: [5353, 53] },
  { protocol: 'echo', ports: [77, 1] },
  { protocol: 'tcp', ecn: 1, ttl: 2 },
  { protocol: 'udp', ecn: 2, data: Buffer.alloc(0) },
  { protocol: 'tcp', ecn: 3, ttl: 255 },
]

for (const family of families) {
  const here = { src: podAddress(0, family), dst: podAddress(1, family) }

  test(`IPv${family} to a pod of this node: the pod’s MAC, one hop less, and nothing else`, () => {
    for (const kind of kinds) {
      const packet = ipPacket({ protocol: 'tcp', ...here, ...kind })
      const ran = egress(node, 0, packet)
      assert.deepEqual(ran, { verdict: VERDICT.redirect, packet: aged(toPod(1, packet)), reasons: [] })
    }
  })

  test(`IPv${family} to a peer on the segment: the peer’s MAC, one hop less, and nothing else`, () => {
    const ends = toPeer(0, peers.direct, family)
    for (const kind of kinds) {
      const packet = ipPacket({ protocol: 'tcp', ...ends, ...kind })
      const ran = egress(node, 0, packet)
      const wanted = aged(outTo(directHop6.mac, packet))
      assert.deepEqual(ran, { verdict: VERDICT.redirect, packet: wanted, reasons: [] })
    }
  })

  for (const peer of [peers.vxlan4, peers.vxlan6]) {
    const over = peer === peers.vxlan4 ? 4 : 6
    test(`IPv${family} to a peer behind a router: VXLAN over IPv${over}, byte for byte`, () => {
      for (const kind of kinds) {
        const packet = ipPacket({ protocol: 'tcp', ...toPeer(0, peer, family), ...kind })
        const ran = egress(node, 0, packet)
        const at = ETHERNET_BYTES + (over === 4 ? 20 : 40)
        const sourcePort = ran.packet.readUInt16BE(at)
        const id = over === 4 ? ran.packet.readUInt16BE(ETHERNET_BYTES + 4) : 0
        const fields = { sourcePort, id, ecn: kind.ecn ?? 0 }
        const inner = aged(fromPod(0, packet)).subarray(ETHERNET_BYTES)
        assert.equal(ran.packet.toString('hex'), tunnelTo(peer, inner, fields).toString('hex'))
        assert.deepEqual([ran.verdict, ran.reasons], [VERDICT.redirect, []])
        assert.ok(sourcePort >= 0xc000, `source port ${sourcePort}`)
        if (over === 4) assert.equal(headerSum(ran.packet.subarray(ETHERNET_BYTES)), 0xffff)
        if (over === 4 && family === 4) assert.equal(id, 0x1234 ^ sourcePort)
      }
    })
  }
}

test('one packet in a tunnel, as it stands on the wire', () => {
  const packet = tcp(toPeer(0, peers.vxlan4, 4), { data: Buffer.from('hi') })
  const { packet: out } = egress(node, 0, packet)
  const told = (from: number, to: number): string => out.toString('hex', from, to)
  const wanted = [
    '0200000000fe 020000000101 0800',
    `4500 005c ${told(18, 20)} 0000 40 11 ${told(24, 26)} c0000201 c6336403`,
    `${told(34, 36)} 12b5 0048 0000`,
    '08000000 00007000',
    '0e70c6336403 0e70c0000201 0800',
    `4500 002a 1234 0000 3f 06 ${told(74, 76)} 0af4010a 0af40314`,
    '9c40 0050 000003e8 000007d0 5010 ffff beef 0000 6869',
  ]
  assert.equal(out.toString('hex'), wanted.join('').replaceAll(' ', ''))
  assert.deepEqual([headerSum(out.subarray(14)), headerSum(out.subarray(64))], [0xffff, 0xffff])
})

test('the outer source port is one for a flow, both ways, and spread over flows', () => {
  const portOf = (from: number): number => {
    const packet = tcp(toPeer(0, peers.vxlan4, 4), { ports: [from, 80] })
    return egress(node, 0, packet).packet.readUInt16BE(34)
  }
  const flows = Array.from({ length: 256 }, (_, i) => 20_000 + i * 7)
  const seen = flows.map(portOf)
  assert.deepEqual(flows.map(portOf), seen)
  assert.ok(new Set(seen).size > 240, `${new Set(seen).size} ports for 256 flows`)
})

test('a large segment goes whole, if the packets that it becomes fit', () => {
  const packet = tcp(toPeer(0, peers.direct, 4), { data: Buffer.alloc(3000) })
  const run = (gsoSize: number) => egress(node, 0, packet, { gsoSize, gsoSegs: 3 })
  const wanted = aged(outTo(directHop6.mac, packet))
  assert.deepEqual(run(1460), { verdict: VERDICT.redirect, packet: wanted, reasons: [] })
  assert.deepEqual(run(1461), toStack(fromPod(0, packet), 'reason_too_big'))
})

test('what the kernel refuses to encapsulate goes to the stack as it was', () => {
  // Segments of no known kind: a test run cannot say that they are TCP's.
  for (const peer of [peers.vxlan4, peers.vxlan6])
    for (const family of families) {
      const packet = tcp(toPeer(0, peer, family), { data: Buffer.alloc(3000) })
      const ran = egress(node, 0, packet, { gsoSize: 1000, gsoSegs: 3 })
      assert.deepEqual(ran, toStack(fromPod(0, packet), 'reason_refused'))
    }
})
