import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { bed, toStack, VERDICT } from './bed.ts'
import { aged, ECHO_REPLY, ipPacket, type Segment } from './bytes.ts'
import { back, fromPeer, fromPod, ingress, swapped, toPeer, toPod } from './node.ts'
import { families, peers, podAddress, standardTopology } from './topology.ts'

const node = bed({ constants: { have_conntrack: 1 } })
before(() => node.lay(standardTopology(node)))

const ETHERNET = 14
const protocols = { tcp: 20, udp: 8, echo: 8 } as const
const pod = node.pods[0] ?? node.uplink

/** Undefined: the kernel makes no packet of it, and neither does a device. */
function runCut(name: 'pod_egress' | 'uplink_ingress', frame: Buffer) {
  try {
    return node.run(name, name === 'pod_egress' ? pod : node.uplink, frame)
  } catch (e) {
    assert.match(String(e), /EINVAL/)
    return undefined
  }
}

for (const family of families)
  for (const [protocol, transport] of Object.entries(protocols) as [keyof typeof protocols, number][]) {
    const headers = ETHERNET + (family === 4 ? 20 : 40) + transport
    const title = `IPv${family} ${protocol}, cut at every byte`

    test(`${title}: from a pod it goes on untouched unless the headers are whole`, () => {
      const packet = ipPacket({ protocol, src: podAddress(0, family), dst: podAddress(1, family) })
      const frame = fromPod(0, packet)
      for (let length = ETHERNET + 1; length < frame.length; length++) {
        const ran = runCut('pod_egress', frame.subarray(0, length))
        if (!ran) continue
        const cut = Buffer.from(frame.subarray(0, length))
        if (length < headers) assert.deepEqual(ran, toStack(cut, 'reason_header'), `${length} bytes`)
        else assert.deepEqual(ran.packet, aged(toPod(1, cut.subarray(ETHERNET))), `${length} bytes`)
      }
    })

    test(`${title}: from a peer it goes on untouched unless the headers are whole`, () => {
      for (const peer of [peers.direct, peers.vxlan4, peers.vxlan6]) {
        const ends = toPeer(0, peer, family)
        const segment: Segment = {
          protocol,
          ...ends,
          ...(protocol === 'echo' ? { type: ECHO_REPLY[family] } : {}),
        }
        const frame = fromPeer(peer, ipPacket({ ...swapped(segment), ...back(ends) }))
        const tunnel = frame.length - ipPacket(segment).length - ETHERNET
        for (let length = ETHERNET + 1; length < frame.length; length++) {
          const cut = Buffer.from(frame.subarray(0, length))
          const ran = runCut('uplink_ingress', cut)
          if (!ran) continue
          const whole = length >= headers + tunnel
          assert.equal(ran.verdict, whole ? VERDICT.redirect : VERDICT.stack, `${peer.name}: ${length} bytes`)
          if (!whole) assert.deepEqual(ran.packet, cut, `${peer.name}: ${length} bytes`)
          assert.ok(ran.reasons.length <= 1)
        }
      }
    })
  }

test('bytes behind the packet’s end, as short frames have on Ethernet, are no matter', () => {
  const packet = ipPacket({ protocol: 'udp', ...back(toPeer(0, peers.direct, 4)), data: Buffer.alloc(0) })
  const frame = Buffer.concat([fromPeer(peers.direct, packet), Buffer.alloc(18)])
  const wanted = aged(Buffer.concat([toPod(0, packet), Buffer.alloc(18)]))
  assert.deepEqual(ingress(node, frame), { verdict: VERDICT.redirect, packet: wanted, reasons: [] })
})
