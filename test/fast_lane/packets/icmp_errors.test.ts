import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { bed, toStack, VERDICT } from './bed.ts'
import { aged, icmpError, ipPacket, type Segment } from './bytes.ts'
import { fragment4, withOptions } from './mangled.ts'
import {
  back,
  egress,
  fromPeer,
  fromPod,
  ingress,
  onSegment,
  swapped,
  tcp,
  toPeer,
  toPod,
  tunnelFrom,
} from './node.ts'
import { families, outside, peers, podAddress, routerMac, standardTopology } from './topology.ts'

const node = bed({ constants: { have_conntrack: 1 } })
beforeEach(() => {
  node.forget()
  node.lay(standardTopology(node))
})

const three = [peers.direct, peers.vxlan4, peers.vxlan6]
const protocols = ['tcp', 'udp', 'echo'] as const

for (const family of families) {
  for (const peer of three)
    for (const protocol of protocols) {
      const asked: Segment = { protocol, ...toPeer(0, peer, family), ports: [4000, 53] }
      const packet = ipPacket(asked)

      test(`IPv${family} ${protocol} to ${peer.name}: the far pod’s error comes with the flow`, () => {
        egress(node, 0, packet)
        for (const type of family === 4 ? [3, 11, 12] : [1, 2, 3, 4]) {
          const error = icmpError(peer.pod[family], packet, { type })
          const ran = ingress(node, fromPeer(peer, error))
          assert.deepEqual(ran, { verdict: VERDICT.redirect, packet: aged(toPod(0, error)), reasons: [] })
        }
      })

      test(`IPv${family} ${protocol} from ${peer.name}: the pod’s error goes out with the flow`, () => {
        const come = ipPacket(swapped(asked))
        assert.equal(ingress(node, fromPeer(peer, come)).verdict, VERDICT.redirect)
        const ran = egress(node, 0, icmpError(podAddress(0, family), come))
        assert.deepEqual([ran.verdict, ran.reasons], [VERDICT.redirect, []])
        const from = egress(node, 1, icmpError(podAddress(1, family), come))
        assert.deepEqual([from.verdict, from.reasons], [VERDICT.stack, ['reason_outside']])
      })
    }

  const packet = tcp(toPeer(0, peers.direct, family))
  const far = peers.direct.pod[family]

  test(`IPv${family}: an error between two pods of this node`, () => {
    const near = tcp({ src: podAddress(0, family), dst: podAddress(1, family) })
    egress(node, 0, near)
    const error = icmpError(podAddress(1, family), near)
    const wanted = { verdict: VERDICT.redirect, packet: aged(toPod(0, error)), reasons: [] }
    assert.deepEqual(egress(node, 1, error), wanted)
  })

  test(`IPv${family}: a router on the way may speak of a flow, from the segment`, () => {
    egress(node, 0, packet)
    const error = icmpError(outside[family], packet)
    const ran = ingress(node, onSegment(routerMac, error))
    assert.deepEqual(ran, { verdict: VERDICT.redirect, packet: aged(toPod(0, error)), reasons: [] })
  })

  test(`IPv${family}: an error about no known flow, or forged, goes on untouched`, () => {
    const error = icmpError(far, packet)
    const unknown = fromPeer(peers.direct, error)
    assert.deepEqual(ingress(node, unknown), toStack(unknown, 'reason_outside'))
    egress(node, 0, packet)
    const forged: readonly (readonly [string, string, Buffer])[] = [
      ['in the name of a pod, from another node', 'reason_sender', onSegment(routerMac, error)],
      ['in the name of a pod, from another tunnel', 'reason_sender', tunnelFrom(peers.vxlan4, error)],
      [
        'of a router, in a tunnel',
        'reason_sender',
        tunnelFrom(peers.vxlan4, icmpError(outside[family], packet)),
      ],
      [
        'to another pod',
        'reason_outside',
        fromPeer(peers.direct, icmpError(far, packet, { dst: podAddress(1, family) })),
      ],
    ]
    for (const [what, reason, frame] of forged)
      assert.deepEqual({ what, ...ingress(node, frame) }, { what, ...toStack(frame, reason) })
    const come = tcp(back(toPeer(0, peers.direct, family)), { ports: [80, 40_000] })
    const own = icmpError(podAddress(1, family), come)
    assert.deepEqual(egress(node, 1, own), toStack(fromPod(1, own), 'reason_outside'))
  })

  test(`IPv${family}: an error for the far end of a flow is not for this node`, () => {
    egress(node, 0, packet)
    const come = tcp(back(toPeer(0, peers.direct, family)), { ports: [80, 40_000] })
    const frame = onSegment(routerMac, icmpError(outside[family], come))
    assert.deepEqual(ingress(node, frame), toStack(frame, 'reason_sender'))
  })

  test(`IPv${family}: an error with a quote that cannot be read goes on untouched`, () => {
    egress(node, 0, packet)
    const header = family === 4 ? 20 : 40
    for (const length of [0, 1, header - 1, header, header + 3]) {
      const frame = fromPeer(peers.direct, icmpError(far, Buffer.concat([packet])))
      const cut = Buffer.from(frame.subarray(0, 14 + header + 8 + length))
      assert.deepEqual(ingress(node, cut), toStack(cut, 'reason_header'), `${length} bytes of it`)
    }
  })
}

test('an error that quotes options, or a later fragment, is the stack’s', () => {
  const packet = tcp(toPeer(0, peers.direct, 4))
  egress(node, 0, packet)
  for (const quoted of [withOptions(packet), fragment4(packet, 185)]) {
    const frame = fromPeer(peers.direct, icmpError(peers.direct.pod[4], quoted))
    const ran = ingress(node, frame)
    assert.deepEqual([ran.verdict, ran.packet], [VERDICT.stack, frame])
  }
})

test('an error for a limited pod’s flow is plain, as the flow is', () => {
  const packet = tcp(toPeer(2, peers.direct, 4))
  assert.deepEqual(egress(node, 2, packet).reasons, ['reason_limited'])
  const frame = fromPeer(peers.direct, icmpError(peers.direct.pod[4], packet))
  assert.deepEqual(ingress(node, frame), toStack(frame, 'reason_limited'))
})
