import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reason } from '../../../src/apply/fast_lane/abi.ts'
import { type Bed, bed, VERDICT } from './bed.ts'
import { ipPacket, type Segment, TCP } from './bytes.ts'
import { type Ends, egress, fromPeer, fromPod, ingress, swapped, toPeer } from './node.ts'
import { sizes, tableOf } from './tables.ts'
import { families, type Peer, peers, podAddress, standardTopology } from './topology.ts'

const { FIN, SYN, RST, ACK } = TCP
const knowing = bed({ constants: { have_conntrack: 1 } })
const unknowing = bed({ constants: { have_conntrack: 0 } })

/** Packets of one connection: `out` by the pod, `in` by the other end. */
type Talk = {
  readonly out: (flags: number) => string
  readonly in: (flags: number) => string
}

function talk(node: Bed, peer: Peer | undefined, family: 4 | 6, from = 40_000): Talk {
  node.forget()
  node.lay(standardTopology(node))
  const ends: Ends = peer
    ? toPeer(0, peer, family)
    : { src: podAddress(0, family), dst: podAddress(1, family) }
  const segment: Segment = { protocol: 'tcp', ...ends, ports: [from, 80] }
  const said = (ran: ReturnType<typeof ingress>): string =>
    ran.verdict === VERDICT.redirect ? 'fast' : ran.reasons.join()
  return {
    out: (flags) => said(egress(node, 0, ipPacket({ ...segment, flags }))),
    in: (flags) => {
      const answer = ipPacket({ ...swapped(segment), flags })
      return said(peer ? ingress(node, fromPeer(peer, answer)) : egress(node, 1, answer))
    },
  }
}

const waiting = (n: number) => ({ waiting: n, working: 0 })
const working = (n: number) => ({ waiting: 0, working: n })

for (const family of families)
  for (const peer of [undefined, peers.direct, peers.vxlan4]) {
    const to = `IPv${family} ${peer ? `to ${peer.name}` : 'on this node'}`

    test(`${to}: a SYN waits, its SYN-ACK promotes, and FIN, FIN and ACK end`, () => {
      const { out, in: back } = talk(knowing, peer, family)
      assert.equal(out(SYN), 'fast')
      assert.deepEqual(sizes(knowing), waiting(1))
      assert.equal(out(SYN), 'fast', 'sent again')
      assert.deepEqual(sizes(knowing), waiting(1))
      assert.equal(back(SYN | ACK), 'fast')
      assert.deepEqual(sizes(knowing), working(1))
      for (const step of [out(ACK), back(ACK), out(FIN | ACK), back(ACK), back(FIN | ACK)])
        assert.equal(step, 'fast')
      assert.deepEqual(sizes(knowing), working(1), 'the last acknowledgement is still to come')
      assert.equal(out(ACK), 'fast')
      assert.deepEqual(sizes(knowing), waiting(0))
    })

    test(`${to}: an RST of either side ends the flow, and is carried`, () => {
      for (const side of ['out', 'in'] as const) {
        const t = talk(knowing, peer, family)
        t.out(SYN)
        t.in(SYN | ACK)
        assert.equal(t[side](RST), 'fast')
        assert.deepEqual(sizes(knowing), waiting(0))
      }
    })

    test(`${to}: a SYN that an RST answers makes no flow, and the RST is carried`, () => {
      const { out, in: back } = talk(knowing, peer, family)
      out(SYN)
      assert.equal(back(RST | ACK), 'fast')
      assert.deepEqual(sizes(knowing), waiting(0))
    })

    test(`${to}: a SYN on an old flow begins anew`, () => {
      const { out, in: back } = talk(knowing, peer, family)
      out(SYN)
      back(SYN | ACK)
      out(FIN | ACK)
      const [old] = tableOf(knowing, 'flows')
      assert.equal(out(SYN), 'fast')
      assert.deepEqual(sizes(knowing), waiting(1))
      const [fresh] = tableOf(knowing, 'half_open')
      assert.ok((old?.state ?? 0) > (fresh?.state ?? 0), 'nothing is left of the FIN')
      back(SYN | ACK)
      assert.deepEqual(sizes(knowing), working(1))
    })

    test(`${to}: where the kernel cannot be asked, a flow is fast once both directions have been seen`, () => {
      const { out, in: back } = talk(unknowing, peer, family)
      assert.equal(out(SYN), 'reason_unseen')
      assert.equal(out(SYN), 'reason_unseen', 'sent again')
      assert.equal(back(SYN | ACK), 'fast')
      assert.deepEqual(sizes(unknowing), working(1))
      assert.equal(out(ACK), 'fast')
      assert.equal(out(SYN), 'reason_unseen', 'of a new connection')
      assert.equal(out(ACK), 'reason_unseen')
      assert.equal(back(ACK), 'fast')
    })

    test(`${to}: where the kernel cannot be asked, one direction alone is never fast`, () => {
      const { in: back } = talk(unknowing, peer, family)
      for (const flags of [SYN | ACK, ACK, FIN | ACK, RST]) assert.equal(back(flags), 'reason_unseen')
      assert.deepEqual(sizes(unknowing).working, 0)
    })
  }

test('a flow to a plain peer waits and is promoted like any other', () => {
  const { out, in: back } = talk(knowing, peers.plain, 4)
  assert.equal(out(SYN), 'reason_lane')
  assert.equal(back(SYN | ACK), 'reason_lane')
  const [flow] = tableOf(knowing, 'flows')
  assert.deepEqual([flow?.lane, flow?.reason], ['fast', reason.REASON_NONE])
  const topology = standardTopology(knowing)
  knowing.lay({ ...topology, paths: topology.paths.map((p) => ({ ...p, lane: 'fast' as const })) })
  assert.equal(out(ACK), 'fast', 'a switched lane needs no new decision')
})

test('a forged answer promotes no flow', () => {
  for (const node of [knowing, unknowing]) {
    const { out } = talk(node, peers.direct, 4)
    out(SYN)
    const segment = { protocol: 'tcp', ...toPeer(0, peers.direct, 4), ports: [40_000, 80] } as const
    const answer = ipPacket({ ...swapped(segment), flags: SYN | ACK })
    assert.deepEqual(ingress(node, fromPeer(peers.vxlan4, answer)).reasons, ['reason_sender'])
    assert.deepEqual(egress(node, 1, answer).reasons, ['reason_sender'])
    assert.deepEqual(sizes(node), waiting(1))
  }
})

test('another pod’s RST or FIN changes nothing of a flow', () => {
  const { out, in: back } = talk(knowing, peers.direct, 4)
  out(SYN)
  back(SYN | ACK)
  const before = tableOf(knowing, 'flows')
  const ends = toPeer(0, peers.direct, 4)
  for (const flags of [RST, FIN | ACK, SYN]) {
    const forged = ipPacket({ protocol: 'tcp', ...ends, ports: [40_000, 80], flags })
    const ran = knowing.run('pod_egress', knowing.pods[1] ?? knowing.uplink, fromPod(0, forged))
    assert.deepEqual(ran.reasons, ['reason_sender'])
  }
  const wrongNode = ipPacket({ ...swapped({ protocol: 'tcp', ...ends, ports: [40_000, 80] }), flags: RST })
  assert.deepEqual(ingress(knowing, fromPeer(peers.vxlan4, wrongNode)).reasons, ['reason_sender'])
  assert.deepEqual(tableOf(knowing, 'flows'), before)
})
