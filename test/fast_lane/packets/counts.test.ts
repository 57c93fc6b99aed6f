// What a path's counters say of a packet that went out: which lane it took in the end, once.

import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { PATH_LOCAL } from '../../../src/apply/fast_lane/abi.ts'
import { readPackets, readPathCount, readPathCounts } from '../../../src/apply/fast_lane/counts.ts'
import { indexKey, rangeKey } from '../../../src/apply/fast_lane/values.ts'
import { must } from '../../../src/base/result.ts'
import { u64 } from '../../../src/kernel/bpf/testing/counter.ts'
import { arp } from '../../guard/frames.ts'
import { bed, uplinkMac, VERDICT } from './bed.ts'
import { ethernet, type Segment } from './bytes.ts'
import { egress, ingress, tcp, toPeer } from './node.ts'
import { cidr, mac, own, type Peer, peers, podAddress, standardTopology } from './topology.ts'

const node = bed({ constants: { have_conntrack: 1 } })
beforeEach(() => {
  node.forget()
  node.lay(standardTopology(node))
})

const pathTo = (range: string): number =>
  node
    .map('ranges')
    .lookup(rangeKey(cidr(range)))
    ?.readUInt32LE(0) ?? assert.fail(range)
node.lay(standardTopology(node))
const ways = [
  ['a pod here', { src: podAddress(0, 4), dst: podAddress(1, 4) }, PATH_LOCAL],
  ['a peer on the segment', toPeer(0, peers.direct, 4), pathTo('10.244.2.0/24')],
  ['a peer in a tunnel', toPeer(0, peers.vxlan4, 4), pathTo('10.244.3.0/24')],
] as const
/** Packets and bytes, of both lanes and directions. */
const COUNTERS = 8
const tooLarge = { data: Buffer.alloc(1461) }

for (const [to, ends, path] of ways) {
  /** How many went out by each lane meanwhile. */
  const sent = (over: Partial<Segment>): { fast: number; plain: number; verdict: number } => {
    const before = readPathCount(node.map('path_counts'), path).sent
    const { verdict } = egress(node, 0, tcp(ends, over))
    const { fast, plain } = readPathCount(node.map('path_counts'), path).sent
    return {
      verdict,
      fast: fast.packets - before.fast.packets,
      plain: plain.packets - before.plain.packets,
    }
  }

  test(`to ${to}: a packet that is carried is one of the fast lane`, () => {
    for (let n = 0; n < 2; n++) assert.deepEqual(sent({}), { verdict: VERDICT.redirect, fast: 1, plain: 0 })
  })

  test(`to ${to}: one that is too large, or whose time ends here, is one of the plain lane`, () => {
    for (const over of [tooLarge, { ttl: 1 }, { ttl: 0 }, tooLarge])
      assert.deepEqual(sent(over), { verdict: VERDICT.stack, fast: 0, plain: 1 })
  })

  test(`to ${to}: one of a path that is plain is one of the plain lane`, () => {
    const { paths, ...rest } = standardTopology(node)
    node.lay({ ...rest, here: 'plain', paths: paths.map((p) => ({ ...p, lane: 'plain' })) })
    assert.deepEqual(sent({}), { verdict: VERDICT.stack, fast: 0, plain: 1 })
  })

  if (path !== PATH_LOCAL)
    test(`to ${to}: one whose next hop has moved is one of the plain lane`, () => {
      const elsewhere = mac('02:00:00:00:00:66')
      const { hop }: Peer = ends.dst === peers.direct.pod[4] ? peers.direct : peers.vxlan4
      const reply = arp('reply', { mac: elsewhere, ip: hop.ip }, { mac: uplinkMac, ip: own[4] })
      ingress(node, ethernet({ to: uplinkMac, from: elsewhere }, 0x0806, Buffer.from(reply)))
      assert.deepEqual(sent({}), { verdict: VERDICT.stack, fast: 0, plain: 1 })
    })
}

test('all paths read at once say what each says by itself, summed over the processors', () => {
  const map = node.map('path_counts')
  const index = map.spec.maxEntries - 1
  const cpus = map.valueBytes / (8 * COUNTERS)
  // A power of ten for each counter, so many of it on each processor as no other has.
  const on = (cpu: number): Buffer =>
    u64(
      ...Array.from({ length: COUNTERS }, (_, i) => 1000n ** BigInt(i % 5) * BigInt(1 + i + COUNTERS * cpu)),
    )
  must(map.update(indexKey(index), Buffer.concat(Array.from({ length: cpus }, (_, cpu) => on(cpu)))))
  try {
    const sums = Array.from({ length: COUNTERS }, (_, i) =>
      Array.from({ length: cpus }, (_, cpu) => 1000 ** (i % 5) * (1 + i + COUNTERS * cpu)).reduce(
        (a, b) => a + b,
      ),
    )
    const alone = readPathCount(map, index)
    const { sent, received } = alone
    const all = [sent.plain, sent.fast, received.plain, received.fast]
    assert.deepEqual(
      all.flatMap((c) => [c.packets, c.bytes]),
      sums,
    )
    assert.deepEqual(readPathCounts(map, index + 1)[index], alone)
    const packets = sums.filter((_, i) => i % 2 === 0).reduce((a, b) => a + b)
    assert.equal(readPackets(map, index + 1)[index], packets)
  } finally {
    must(map.update(indexKey(index), Buffer.alloc(map.valueBytes)))
  }
})
