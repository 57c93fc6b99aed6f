import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { must } from '../../base/result.ts'
import type { Walk } from '../../schema/walk.ts'
import type { Change } from '../../schema/walk_question.ts'
import { anyFacts, facts, ip, lane, path, pod } from '../testing/walk_facts.ts'
import { judge } from './answer.ts'
import { changed, packetsPerMegabyte } from './change.ts'
import { walkOf } from './walk.ts'

const would = (f: Parameters<typeof judge>[0], change: Change): Walk => {
  const { would: other } = judge(f, change, [])
  assert.ok(other?.walk, other?.refused?.found ?? 'no walk')
  return other.walk
}

test('lane=plain takes the packet through the stack, and only what differs is marked', () => {
  const walk = would(facts(), { lane: 'plain' })
  assert.deepEqual([walk.lane, walk.verdict, walk.path], ['plain', 'sent', 'direct'])
  const marked = walk.hops.filter((h) => h.differs).map((h) => h.kind)
  assert.deepEqual(marked, ['program', 'guard', 'conntrack', 'route', 'neighbour'])
})

test('path=vxlan costs 50 bytes of each packet, and path=direct gives them back', () => {
  const walk = would(facts(), { path: 'vxlan' })
  assert.deepEqual(
    [walk.path, walk.largestBytes, walk.wire?.outer?.destination],
    ['vxlan', 1450, '192.0.2.2'],
  )
  const tunnelled = must(changed(facts(), { path: 'vxlan' }))
  const back = walkOf(must(changed(tunnelled, { path: 'direct' })))
  assert.deepEqual([back.path, back.largestBytes], ['direct', 1500])
  const plain = walkOf(must(changed(tunnelled, { lane: 'plain' })))
  assert.deepEqual([plain.path, plain.lane, plain.wire], ['vxlan', 'plain', walk.wire])
})

test('path=direct to a node behind a router is refused, and so is a path to a pod of the same node', () => {
  const peer = { name: 'n2', address: ip('198.51.100.2'), onLink: [], range: facts().peer?.range }
  const far = facts({ lane: lane({ path: path('vxlan') }), peer })
  const refused = judge(far, { path: 'direct' }, []).would?.refused
  assert.match(refused?.found ?? '', /behind a router/)
  const here = judge(facts({ peer: undefined, receiver: pod(3) }), { path: 'vxlan' }, []).would?.refused
  assert.equal(here?.found, 'a pod of this node')
})

test('mtu=9000 makes packets six times as large, and a stream’s fewer by as much', () => {
  const { would: other, notes } = judge(facts(), { mtuBytes: 9000 }, [])
  assert.equal(other?.walk?.largestBytes, 9000)
  assert.match(notes.join('\n'), /1500 → 9000 bytes; a stream takes 691 → 112 packets a megabyte/)
  assert.equal(would(facts(), { mtuBytes: 9000, path: 'vxlan' }).largestBytes, 8950)
  const tunnelled = must(changed(facts(), { path: 'vxlan' }))
  for (const lane of ['fast', 'plain'] as const)
    assert.equal(would(tunnelled, { mtuBytes: 9000, lane }).largestBytes, 8950)
  assert.equal(packetsPerMegabyte(40, 4), Number.POSITIVE_INFINITY)
})

test('lane=fast changes nothing of what a flow or a limit has decided', () => {
  const limited = { index: 12, mac: pod(2).mac, limited: true }
  const f = facts({ lane: lane({ source: limited, path: path('direct', { lane: 'plain' }) }) })
  const walk = would(f, { lane: 'fast' })
  assert.deepEqual([walk.lane, walk.laneWhy], ['plain', 'the pod has a bandwidth limit'])
  assert.match(
    judge(facts({ lane: undefined }), { lane: 'fast' }, []).would?.refused?.found ?? '',
    /none is loaded/,
  )
})

test('of any facts: lane=plain is plain, and a change that changes nothing marks nothing', () => {
  fc.assert(
    fc.property(anyFacts, (f) => {
      const plain = changed(f, { lane: 'plain' })
      assert.equal(walkOf(must(plain)).lane, 'plain')
      const same = judge(f, {}, [])
      assert.ok(same.now.hops.every((h) => !h.differs))
    }),
    { numRuns: 300 },
  )
})

test('of any facts: a larger MTU stops no packet that passed', () => {
  fc.assert(
    fc.property(anyFacts, (f) => {
      if (f.entry.kind === 'wire') return
      const [small, large] = [1500, 9000].map((mtuBytes) => walkOf(must(changed(f, { mtuBytes }))))
      if (small?.verdict !== 'delivered' && small?.verdict !== 'sent') return
      if (small.lane !== large?.lane) return
      assert.equal(large?.verdict, small.verdict, JSON.stringify([small, large]))
      assert.ok((large?.largestBytes ?? 0) >= small.largestBytes)
    }),
    { numRuns: 300 },
  )
})
