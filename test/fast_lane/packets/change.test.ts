import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { parseIp } from '../../../src/base/ip.ts'
import { must } from '../../../src/base/result.ts'
import type { FastPath } from '../../../src/plan/fast_lane.ts'
import { bed, type Topology, VERDICT } from './bed.ts'
import { aged, icmpError, ipPacket } from './bytes.ts'
import { back, egress, fromPeer, ingress, outTo, tcp, toPeer, toPod } from './node.ts'
import { tableOf } from './tables.ts'
import { cidr, families, mac, peers, podAddress, standardTopology } from './topology.ts'

const node = bed({ constants: { have_conntrack: 1 } })
beforeEach(() => {
  node.forget()
  node.lay(standardTopology(node))
})
const standard = standardTopology(node)

const changed = (change: (path: FastPath) => FastPath): Topology => ({
  ...standard,
  paths: standard.paths.map((path) => (path.peer === 'direct' ? change(path) : path)),
})

for (const family of families) {
  const far = toPeer(0, peers.direct, family)
  const near = { src: podAddress(0, family), dst: podAddress(1, family) }
  const out = (): ReturnType<typeof egress> => egress(node, 0, tcp(far))
  const answer = () => ingress(node, fromPeer(peers.direct, tcp(back(far), { ports: [80, 40_000] })))
  const work = (): void => {
    for (const ran of [out(), answer(), egress(node, 0, tcp(near))])
      assert.equal(ran.verdict, VERDICT.redirect)
    assert.equal(egress(node, 1, tcp(back(near), { ports: [80, 40_000] })).verdict, VERDICT.redirect)
    assert.equal(tableOf(node, 'flows').length, 2)
  }

  test(`IPv${family}: a raised epoch makes the decision anew, and the flow goes on working`, () => {
    work()
    node.epochs.raise([podAddress(0, family)])
    const before = tableOf(node, 'flows').map((f) => f.epoch)
    assert.equal(out().verdict, VERDICT.redirect)
    const after = tableOf(node, 'flows')
    assert.equal(after.length, 2)
    assert.deepEqual(after.map((f) => f.epoch).filter((e) => before.includes(e)).length, 1)
  })

  test(`IPv${family}: of a pod that is gone nothing is redirected any more, errors included`, () => {
    work()
    node.lay({ ...standard, pods: standard.pods.filter((p) => p.ip !== podAddress(0, family)) })
    assert.deepEqual(out().reasons, ['reason_sender'])
    assert.deepEqual(answer().reasons, ['reason_outside'])
    assert.deepEqual(egress(node, 1, tcp(back(near), { ports: [80, 40_000] })).reasons, ['reason_outside'])
    const error = ingress(node, fromPeer(peers.direct, icmpError(peers.direct.pod[family], tcp(far))))
    assert.deepEqual([error.verdict, error.reasons], [VERDICT.stack, ['reason_outside']])
  })

  test(`IPv${family}: an address that another pod has now leads there, with the old flow known`, () => {
    work()
    const pods = standard.pods.map((p) =>
      p.ip === podAddress(0, family)
        ? { ...p, index: node.pods[3] ?? p.index, mac: mac('0a:00:00:00:00:33') }
        : p,
    )
    node.lay({ ...standard, pods })
    assert.deepEqual(out().reasons, ['reason_sender'], 'the old pod')
    const packet = tcp(back(far), { ports: [80, 40_000] })
    const wanted = aged(toPod(0, packet))
    wanted.set(Buffer.from('0a0000000033', 'hex'), 0)
    assert.deepEqual(answer(), { verdict: VERDICT.redirect, packet: wanted, reasons: [] })
  })

  test(`IPv${family}: a peer’s new MAC is used by flows that are known`, () => {
    work()
    const moved = mac('02:00:00:00:00:99')
    node.lay(changed((p) => ({ ...p, directMac: moved, hop: p.hop && { ...p.hop, mac: moved } })))
    assert.deepEqual(out().packet, aged(outTo(moved, tcp(far))))
    assert.deepEqual(answer().reasons, ['reason_sender'], 'from the old MAC')
  })

  test(`IPv${family}: a range that another node has now is reached there, and only there`, () => {
    work()
    const ranges = [cidr('10.244.2.0/24'), cidr('fd00:2::/64')]
    const paths = standard.paths.flatMap((p) => {
      if (p.peer === 'direct') return []
      return [p.peer === 'vxlan4' ? { ...p, ranges: [...p.ranges, ...ranges] } : p]
    })
    node.lay({ ...standard, paths })
    assert.equal(out().packet.readUInt16BE(36), 4789)
    assert.deepEqual(answer().reasons, ['reason_sender'])
    node.lay({ ...standard, paths: standard.paths.filter((p) => p.peer !== 'direct') })
    assert.deepEqual(out().reasons, ['reason_outside'])
    assert.deepEqual(answer().reasons, ['reason_outside'])
  })

  test(`IPv${family}: a limit that a pod gets later holds for flows that are known`, () => {
    work()
    node.lay({ ...standard, pods: standard.pods.map((p) => ({ ...p, limited: true })) })
    for (const ran of [out(), answer(), egress(node, 0, tcp(near))])
      assert.deepEqual([ran.verdict, ran.reasons], [VERDICT.stack, ['reason_limited']])
  })

  test(`IPv${family}: the lane is switched under a known flow, to and fro`, () => {
    work()
    for (const lane of ['plain', 'fast', 'plain', 'fast'] as const) {
      node.lay({ ...changed((p) => ({ ...p, lane })), here: lane })
      const wanted = lane === 'fast' ? [] : ['reason_lane']
      for (const ran of [out(), answer(), egress(node, 0, tcp(near))]) assert.deepEqual(ran.reasons, wanted)
    }
  })
}

test('the longest range decides, as in the routing table', () => {
  const wide = standard.paths.map((p) => {
    if (p.peer === 'vxlan4') return { ...p, ranges: [cidr('10.244.0.0/16')] }
    return p.peer === 'plain' ? { ...p, ranges: [cidr('10.244.9.20/32')] } : p
  })
  node.lay({ ...standard, paths: wide })
  const to = (dst: string) =>
    egress(node, 0, ipPacket({ protocol: 'tcp', src: podAddress(0, 4), dst: must(parseIp(dst)) }))
  assert.equal(to('10.244.9.21').verdict, VERDICT.redirect)
  assert.deepEqual(to('10.244.9.20').reasons, ['reason_lane'])
  assert.equal(to('10.244.2.20').packet.length, tcp(toPeer(0, peers.direct, 4)).length + 14)
})
