import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { bed, toStack, VERDICT } from './bed.ts'
import { aged, ipPacket, type Segment } from './bytes.ts'
import { back, fromPeer, ingress, tcp, toPeer, toPod, tunnelFrom } from './node.ts'
import { families, peers, standardTopology } from './topology.ts'

const node = bed({ constants: { have_conntrack: 1 } })
beforeEach(() => {
  node.forget()
  node.lay(standardTopology(node))
})

const kinds: readonly Partial<Segment>[] = [
  { protocol: 'tcp', flags: 2 },
  { protocol: 'tcp', data: Buffer.alloc(1300, 7) },
  { protocol: 'udp', ports: [5353, 53] },
  { protocol: 'echo', ports: [77, 1] },
  { protocol: 'udp', ttl: 2, data: Buffer.alloc(0) },
  { protocol: 'tcp', ttl: 255 },
]
const three = [peers.direct, peers.vxlan4, peers.vxlan6]

for (const family of families)
  for (const peer of three)
    test(`IPv${family} from ${peer.name}: into the pod with its MAC, one hop less, without a tunnel`, () => {
      for (const kind of kinds) {
        const packet = ipPacket({ protocol: 'tcp', ...back(toPeer(0, peer, family)), ...kind })
        const ran = ingress(node, fromPeer(peer, packet))
        const wanted = aged(toPod(0, packet))
        assert.equal(ran.packet.toString('hex'), wanted.toString('hex'))
        assert.deepEqual([ran.verdict, ran.reasons], [VERDICT.redirect, []])
      }
    })

test('whichever way a peer sends, it is known: in the tunnel by its address, on the segment by its MAC', () => {
  const packet = tcp(back(toPeer(0, peers.direct, 4)))
  const wanted = { verdict: VERDICT.redirect, packet: aged(toPod(0, packet)), reasons: [] }
  assert.deepEqual(ingress(node, tunnelFrom(peers.direct, packet)), wanted)
  assert.deepEqual(ingress(node, fromPeer(peers.direct, packet)), wanted)
})

const ECN = ['Not-ECT', 'ECT(1)', 'ECT(0)', 'CE'] as const
/** RFC 6040, figure 4, by outer and inner: what the packet has when it is out of the tunnel. «stack»: it judges. */
const TABLE: Readonly<Record<string, readonly (number | 'stack')[]>> = {
  'Not-ECT': [0, 1, 2, 3],
  'ECT(1)': ['stack', 1, 'stack', 'stack'],
  'ECT(0)': ['stack', 'stack', 2, 'stack'],
  CE: ['stack', 3, 3, 3],
}

for (const family of families)
  for (const peer of [peers.vxlan4, peers.vxlan6])
    for (const [outer, outerName] of ECN.entries())
      for (const [inner, innerName] of ECN.entries())
        test(`IPv${family} from ${peer.name}: outer ${outerName} on inner ${innerName}`, () => {
          const segment = { protocol: 'tcp', ...back(toPeer(0, peer, family)), ecn: inner } as const
          const frame = tunnelFrom(peer, ipPacket(segment), { ecn: outer })
          const ecn = TABLE[outerName]?.[inner]
          const ran = ingress(node, frame)
          if (typeof ecn !== 'number') assert.deepEqual(ran, toStack(frame, 'reason_tunnel'))
          else assert.deepEqual(ran.packet, aged(toPod(0, ipPacket({ ...segment, ecn }))))
        })
