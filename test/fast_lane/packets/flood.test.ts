import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { must } from '../../../src/base/result.ts'
import { runOnPacket } from '../../../src/kernel/bpf/test_run.ts'
import { bed, VERDICT } from './bed.ts'
import { type Segment, TCP } from './bytes.ts'
import { back, egress, fromPeer, fromPod, ingress, tcp, toPeer } from './node.ts'
import { sizes, tableOf } from './tables.ts'
import { families, peers, podAddress, standardTopology } from './topology.ts'

const NEW_FLOWS = 1024
/** New flows in a window, and working ones: fewer, so that a test that makes those is not held up. */
const SHARE = 300
const WORKING = 100
const FLOOD = 4 * NEW_FLOWS
const node = bed({
  newFlows: NEW_FLOWS,
  constants: { have_conntrack: 1, half_open_share: SHARE, flow_share: WORKING },
})
const open = bed({ newFlows: NEW_FLOWS, constants: { have_conntrack: 1, half_open_share: 1 << 20 } })
beforeEach(() => {
  for (const b of [node, open]) {
    b.forget()
    b.lay(standardTopology(b))
  }
})

/** The frame again and again, from another port each time. */
function flood(b: typeof node, frame: Buffer, portAt: number, many: number, from = 1024): number {
  let redirected = 0
  b.node.inside(() => {
    for (let i = 0; i < many; i++) {
      frame.writeUInt16BE(from + i, portAt)
      const run = { packet: frame, skb: { ifindex: b.pods[1] ?? b.uplink } }
      if (must(runOnPacket(b.program('pod_egress'), run)).verdict === VERDICT.redirect) redirected++
    }
  })
  return redirected
}
const portAt = (family: 4 | 6): number => 14 + (family === 4 ? 20 : 40)

/** Both directions of so many flows of the first pod. */
function establish(b: typeof node, many: number): void {
  for (let i = 0; i < many; i++) {
    const ports = [50_000 + i, 80] as const
    const ends = toPeer(0, peers.direct, 4)
    assert.equal(egress(b, 0, tcp(ends, { ports })).verdict, VERDICT.redirect)
    const answer = tcp(back(ends), { ports: [ports[1], ports[0]] })
    assert.equal(ingress(b, fromPeer(peers.direct, answer)).verdict, VERDICT.redirect)
  }
}

for (const family of families)
  for (const protocol of ['tcp', 'udp'] as const)
    test(`a flood of IPv${family} ${protocol === 'tcp' ? 'SYNs' : 'UDP'} evicts no flow that works, and is carried`, () => {
      establish(open, 40)
      const keys = tableOf(open, 'flows').map((f) => f.key)
      const segment: Partial<Segment> = { protocol, flags: TCP.SYN }
      const frame = fromPod(1, tcp(toPeer(1, peers.vxlan4, family), segment))
      // Among the ports is the one of VXLAN, from which UDP is the stack's.
      assert.equal(flood(open, frame, portAt(family), FLOOD), protocol === 'udp' ? FLOOD - 1 : FLOOD)
      const { waiting, working } = sizes(open)
      assert.equal(working, 40)
      assert.ok(waiting <= NEW_FLOWS, `${waiting} wait`)
      assert.deepEqual(
        tableOf(open, 'flows')
          .map((f) => f.key)
          .sort(),
        keys.sort(),
      )
    })

test('one pod’s new flows are bounded, and another pod’s still find room', () => {
  const frame = fromPod(1, tcp(toPeer(1, peers.direct, 4), { flags: TCP.SYN }))
  flood(node, frame, portAt(4), 3 * SHARE)
  // The window of a share may have changed once meanwhile.
  const { waiting } = sizes(node)
  assert.ok(waiting >= SHARE && waiting <= 2 * SHARE, `${waiting} wait`)
  establish(node, 10)
  assert.equal(sizes(node).working, 10)
})

test('one pod’s working flows are bounded; the ones above are carried all the same', () => {
  establish(node, WORKING + 50)
  assert.equal(sizes(node).working, WORKING)
  const other = toPeer(1, peers.direct, 4)
  egress(node, 1, tcp(other))
  ingress(node, fromPeer(peers.direct, tcp(back(other), { ports: [80, 40_000] })))
  assert.equal(sizes(node).working, WORKING + 1, 'another pod has its own share')
})

test('a flow that ends gives its place back', () => {
  establish(node, WORKING)
  const ends = toPeer(0, peers.direct, 4)
  for (let i = 0; i < 5; i++) egress(node, 0, tcp(ends, { ports: [50_000 + i, 80], flags: TCP.RST }))
  assert.equal(sizes(node).working, WORKING - 5)
  const near = { src: podAddress(0, 4), dst: podAddress(1, 4) }
  for (let i = 0; i < 7; i++) {
    egress(node, 0, tcp(near, { ports: [30_000 + i, 80] }))
    egress(node, 1, tcp(back(near), { ports: [80, 30_000 + i] }))
  }
  assert.equal(sizes(node).working, WORKING)
})
