// A router calls a tunnel packet of ours too large: only that, about that path, lowers its MTU, and the stack hears it
// in any case.

import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import { layouts } from '../../../src/apply/fast_lane/abi.ts'
import { readEvent } from '../../../src/apply/fast_lane/events.ts'
import { addressKey } from '../../../src/apply/fast_lane/values.ts'
import type { Ip } from '../../../src/base/ip.ts'
import { RingBuffer } from '../../../src/kernel/bpf/ring_buffer.ts'
import { bed, entryAt, toStack, VERDICT } from './bed.ts'
import { frameOf, icmpError, ipPacket } from './bytes.ts'
import { egress, fromPeer, ingress, onSegment, tcp, toPeer, tunnelTo } from './node.ts'
import { mac, outside, own, peers, routerMac, standardTopology } from './topology.ts'

const node = bed({ constants: { have_conntrack: 1 } })
const events: unknown[] = []
const ring = new RingBuffer(node.map('events'), (record) => events.push(readEvent(record)))
after(() => ring.close())

/** What stands around a pod's packet in the tunnel. */
const cases = [
  { family: 4, peer: peers.vxlan4, overhead: 50 },
  { family: 6, peer: peers.vxlan6, overhead: 70 },
] as const
type Case = (typeof cases)[number]

const keyOf = ({ peer }: Case): Buffer =>
  node.map('tunnels').lookup(addressKey(peer.address)) ?? assert.fail(`no tunnel to ${peer.name}`)
const mtuOf = (c: Case): number =>
  entryAt(node.map('paths'), keyOf(c).readUInt32LE(0)).readUInt32LE(layouts.path.mtu_bytes.at)
const mtus = (): number[] => cases.map(mtuOf)
const WHOLE = [1450, 1430]

node.lay(standardTopology(node))
const fresh = cases.map((c) => [keyOf(c), entryAt(node.map('paths'), keyOf(c).readUInt32LE(0))] as const)
beforeEach(() => {
  node.forget()
  for (const [key, value] of fresh) node.map('paths').update(key, value)
  ring.drain()
  events.length = 0
})

/** The packet of the tunnel as a router quotes it: without its Ethernet header. */
const tunnelled = ({ peer }: Case, over: { src?: Ip; dst?: Ip; port?: number } = {}): Buffer =>
  tunnelTo(peer, tcp(toPeer(0, peer, 4), { data: Buffer.alloc(1400) }), {
    sourcePort: 50_000,
    ...over,
  }).subarray(14)

/** «Fragmentation needed» of RFC 1191, «packet too big» of RFC 4443. */
function tooBig({ family }: Case, mtuBytes: number, quoted: Buffer): Buffer {
  const error = icmpError(outside[family], quoted, { type: family === 4 ? 3 : 2 })
  const icmp = family === 4 ? 20 : 40
  error[icmp + 1] = family === 4 ? 4 : 0
  error.writeUInt32BE(mtuBytes, icmp + 4)
  return onSegment(routerMac, error)
}

function hear(frame: Buffer, what = ''): void {
  const ran = ingress(node, frame)
  assert.deepEqual([what, ran.verdict, ran.packet], [what, VERDICT.stack, frame])
  ring.drain()
}

for (const c of cases) {
  const over = `over IPv${c.family}`

  test(`${over}: the path’s MTU is what the tunnel leaves of the router’s, and larger packets are plain`, () => {
    const sized = (bytes: number) =>
      egress(node, 0, tcp(toPeer(0, c.peer, 4), { data: Buffer.alloc(bytes - 40) }))
    assert.equal(sized(1300).verdict, VERDICT.redirect)
    const frame = tooBig(c, 1340, tunnelled(c))
    assert.deepEqual(ingress(node, frame), toStack(frame, 'reason_outside'))
    ring.drain()
    const left = 1340 - c.overhead
    assert.deepEqual(
      mtus(),
      cases.map((other, i) => (other === c ? left : WHOLE[i])),
    )
    assert.deepEqual(events, [{ kind: 'mtu', why: `towards ${c.peer.address} only ${left} bytes pass` }])
    assert.deepEqual(sized(left + 1).reasons, ['reason_too_big'])
    assert.equal(sized(left).verdict, VERDICT.redirect)
  })

  test(`${over}: only a smaller MTU is news`, () => {
    for (const bytes of [1340, 1340, 1341, 1500, 9000, 1300]) hear(tooBig(c, bytes, tunnelled(c)))
    assert.equal(mtuOf(c), 1300 - c.overhead)
    assert.equal(events.length, 2)
  })

  test(`${over}: an MTU in which no packet has room is none`, () => {
    for (const bytes of [0, 1, c.overhead]) hear(tooBig(c, bytes, tunnelled(c)), `${bytes}`)
    assert.deepEqual([mtus(), events], [WHOLE, []])
  })

  test(`${over}: what is not about this node’s tunnel to that peer lowers nothing`, () => {
    const { family, peer } = c
    const whole = tunnelled(c)
    const ends = { src: own[family], dst: peer.address, ports: [50_000, 4789] as const }
    const code = Buffer.from(tooBig(c, 1340, whole))
    if (family === 4) code[35] = 3
    else code[54] = 1
    const others: Record<string, Buffer> = {
      'another source': tooBig(c, 1340, tunnelled(c, { src: outside[family] })),
      'a node that is no peer': tooBig(c, 1340, tunnelled(c, { dst: outside[family] })),
      'a peer’s own packet to us': tooBig(c, 1340, tunnelled(c, { src: peer.address, dst: own[family] })),
      'another port': tooBig(c, 1340, tunnelled(c, { port: 8472 })),
      'TCP to that port': tooBig(c, 1340, ipPacket({ protocol: 'tcp', ...ends })),
      'another error': code,
      'to another host’s MAC': frameOf(
        { to: mac('02:00:00:00:77:77'), from: routerMac },
        tooBig(c, 1340, whole).subarray(14),
      ),
      'in a tunnel': fromPeer(peer, tooBig(c, 1340, whole).subarray(14)),
    }
    for (const [what, frame] of Object.entries(others)) hear(frame, what)
    assert.deepEqual([mtus(), events], [WHOLE, []])
    hear(tooBig(c, 1340, whole))
    assert.equal(mtuOf(c), 1340 - c.overhead)
  })

  test(`${over}: cut anywhere before the quoted ports’ end it lowers nothing, and behind it does`, () => {
    const frame = tooBig(c, 1340, tunnelled(c))
    const header = c.family === 4 ? 20 : 40
    const needed = 14 + header + 8 + header + 4
    for (let length = 14 + header; length < needed; length++)
      hear(Buffer.from(frame.subarray(0, length)), `${length} bytes`)
    assert.deepEqual([mtus(), events], [WHOLE, []])
    hear(Buffer.from(frame.subarray(0, needed)))
    assert.equal(mtuOf(c), 1340 - c.overhead)
  })
}

test('a path on the segment is no tunnel', () => {
  assert.equal(node.map('tunnels').lookup(addressKey(peers.direct.address)), undefined)
})
