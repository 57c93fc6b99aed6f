// What a pod's counters say of its packets: once each, by the course and the lane that they took.

import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { type Course, type PodCount, readPodCount } from '../../../src/apply/fast_lane/counts.ts'
import type { IfIndex } from '../../../src/base/ifindex.ts'
import { bed, type Topology, VERDICT } from './bed.ts'
import { ETHERNET_BYTES, ipPacket } from './bytes.ts'
import { fragment4 } from './mangled.ts'
import { back, type Ends, egress, fromPeer, ingress, tcp, toPeer, toPod } from './node.ts'
import { outside, peers, podAddress, standardTopology } from './topology.ts'

const node = bed({ constants: { have_conntrack: 1 } })
beforeEach(() => {
  node.forget()
  node.lay(standardTopology(node))
})

const linkOf = (pod: number): IfIndex => node.pods[pod] ?? assert.fail(`no pod ${pod}`)
const countOf = (pod: number): PodCount =>
  readPodCount(node.map('pod_counts'), node.slots.of(linkOf(pod)) ?? assert.fail(`pod ${pod} has no row`))

/** What came on top meanwhile, as `sent fast direct: 1 packets, 64 bytes`. */
function counted(pod: number, work: () => void): string[] {
  const before = countOf(pod)
  work()
  const after = countOf(pod)
  const out: string[] = []
  for (const way of ['sent', 'received'] as const)
    for (const course of ['here', 'direct', 'vxlan', 'other'] satisfies Course[])
      for (const lane of ['fast', 'plain'] as const) {
        const [was, is] = [before[way][course][lane], after[way][course][lane]]
        const packets = is.packets - was.packets
        if (packets > 0)
          out.push(`${way} ${lane} ${course}: ${packets} packets, ${is.bytes - was.bytes} bytes`)
      }
  return out
}
const bytesOf = (packet: Buffer): number => packet.length + ETHERNET_BYTES
const here: Ends = { src: podAddress(0, 4), dst: podAddress(1, 4) }
const ways = [
  ['here', here],
  ['direct', toPeer(0, peers.direct, 4)],
  ['vxlan', toPeer(0, peers.vxlan4, 4)],
  ['vxlan', toPeer(0, peers.vxlan6, 6)],
] as const
const allPlain = (): Topology => {
  const { paths, ...rest } = standardTopology(node)
  return { ...rest, here: 'plain', paths: paths.map((p) => ({ ...p, lane: 'plain' })) }
}

for (const [course, ends] of ways) {
  const packet = tcp(ends)
  const bytes = bytesOf(packet)
  const send = (over = {}) => egress(node, 0, packet, over)

  test(`sent to ${ends.dst}: in the fast lane ${course}, each segment of a large one a packet`, () => {
    assert.deepEqual(
      counted(0, () => assert.equal(send().verdict, VERDICT.redirect)),
      [`sent fast ${course}: 1 packets, ${bytes} bytes`],
    )
    const large = tcp(ends, { data: Buffer.alloc(3000) })
    // Not the verdict: a large packet of BPF_PROG_RUN is of no kind that the kernel makes room in for a tunnel.
    const run = () => void egress(node, 0, large, { gsoSize: 1000, gsoSegs: 3 })
    assert.deepEqual(counted(0, run), [`sent fast ${course}: 3 packets, ${bytesOf(large)} bytes`])
  })

  test(`sent to ${ends.dst}: in the plain lane ${course}, by a flow of before too`, () => {
    send()
    node.lay(allPlain())
    for (let n = 0; n < 2; n++)
      assert.deepEqual(
        counted(0, () => assert.equal(send().verdict, VERDICT.stack)),
        [`sent plain ${course}: 1 packets, ${bytes} bytes`],
      )
  })
}

for (const [course, peer, family] of [
  ['direct', peers.direct, 4],
  ['vxlan', peers.vxlan4, 4],
  ['vxlan', peers.vxlan6, 6],
] as const) {
  const packet = tcp(back(toPeer(1, peer, family)))

  test(`received from ${peer.name}: in the fast lane ${course}, without the tunnel’s bytes`, () => {
    const run = () => assert.equal(ingress(node, fromPeer(peer, packet)).verdict, VERDICT.redirect)
    for (let n = 0; n < 2; n++)
      assert.deepEqual(counted(1, run), [`received fast ${course}: 1 packets, ${bytesOf(packet)} bytes`])
  })

  test(`received from ${peer.name}: in the plain lane the uplink leaves it to the pod’s own link to count`, () => {
    node.lay(allPlain())
    const run = () => assert.equal(ingress(node, fromPeer(peer, packet)).verdict, VERDICT.stack)
    assert.deepEqual(counted(1, run), [])
  })
}

test('one that goes from pod to pod counts at both', () => {
  const packet = tcp(here)
  const run = () => assert.equal(egress(node, 0, packet).verdict, VERDICT.redirect)
  assert.deepEqual(counted(1, run), [`received fast here: 1 packets, ${bytesOf(packet)} bytes`])
})

test('what reaches a pod through the stack is told by the device that it came in by', () => {
  const packet = tcp(here)
  for (const [course, ingressIfindex] of [
    ['here', linkOf(0)],
    ['direct', node.uplink],
    ['vxlan', node.tunnel],
    ['other', 0],
    ['other', linkOf(3)],
  ] as const) {
    const run = () => node.run('pod_ingress', linkOf(1), toPod(1, packet), { ingressIfindex })
    assert.deepEqual(counted(1, run), [`received plain ${course}: 1 packets, ${bytesOf(packet)} bytes`])
  }
})

test('what leads to no pod, forges its sender or is not read counts for the pod that sent it', () => {
  const whole = tcp(here)
  for (const packet of [
    tcp({ src: podAddress(0, 4), dst: outside[4] }),
    tcp({ src: podAddress(0, 6), dst: outside[6] }),
    tcp({ src: podAddress(1, 4), dst: podAddress(0, 4) }),
    fragment4(whole, 185),
    ipPacket({ protocol: 'tcp', ...here, data: Buffer.alloc(0) }).subarray(0, 30),
  ])
    assert.deepEqual(
      counted(0, () => assert.equal(egress(node, 0, packet).verdict, VERDICT.stack)),
      [`sent plain other: 1 packets, ${bytesOf(packet)} bytes`],
    )
})

test('a link whose pod has its programs but no row yet counts nowhere, and loses nothing', () => {
  const packet = tcp({ src: outside[4], dst: outside[4] })
  for (const pod of [0, 1])
    assert.deepEqual(
      counted(pod, () => {
        assert.equal(egress(node, 3, packet).verdict, VERDICT.stack)
        assert.equal(node.run('pod_ingress', linkOf(3), toPod(3, packet)).verdict, VERDICT.stack)
      }),
      [],
    )
})

test('a row that another pod gets begins at zero, and nothing of the former pod’s flows comes into it', () => {
  const ends = toPeer(0, peers.direct, 4)
  egress(node, 0, tcp(ends))
  const slot = node.slots.of(linkOf(0))
  const { pods, ...rest } = standardTopology(node)
  const left = pods.filter((p) => p.index !== linkOf(0))
  node.lay({ ...rest, pods: left })
  // Every row once, until the queue comes to the one that was free last.
  const others = 1_000_000
  for (let i = 0; i < 1024; i++) {
    const index = (others + i) as IfIndex
    const taken = node.slots.take(index)
    if (taken === slot) {
      assert.deepEqual(readPodCount(node.map('pod_counts'), taken), EMPTY)
      egress(node, 0, tcp(ends))
      assert.deepEqual(readPodCount(node.map('pod_counts'), taken), EMPTY)
      break
    }
    assert.notEqual(taken, 0, 'no row is left, and that one was never given')
  }
  node.lay({ ...rest, pods: left })
  node.lay({ ...rest, pods })
  assert.deepEqual(countOf(0), EMPTY)
})

test('a pod that gets another row has it in its flows of before from the next packet on', () => {
  const packet = tcp(toPeer(0, peers.direct, 4))
  const run = () => assert.equal(egress(node, 0, packet).verdict, VERDICT.redirect)
  run()
  const before = node.slots.of(linkOf(0))
  node.slots.give(linkOf(0))
  node.lay(standardTopology(node))
  assert.notEqual(node.slots.of(linkOf(0)), before)
  assert.deepEqual(counted(0, run), [`sent fast direct: 1 packets, ${bytesOf(packet)} bytes`])
})

const none = { packets: 0, bytes: 0 }
const both = { plain: none, fast: none }
const courses = { here: both, direct: both, vxlan: both, other: both }
const EMPTY: PodCount = { sent: courses, received: courses }
