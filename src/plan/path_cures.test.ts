import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type CureState, curesOf, noCures, observePaths } from './path_cures.ts'
import type { PathHealth } from './path_health.ts'
import type { PathKind } from './peers.ts'

const full = (kind: PathKind): number => (kind === 'direct' ? 1500 : 1450)
const health = (over: Partial<PathHealth> = {}): PathHealth => ({
  peer: 'b',
  kind: 'direct',
  reach: 'both',
  checksum: 'ok',
  large: 'ok',
  trueMtuBytes: full(over.kind ?? 'direct'),
  ...over,
})

/** The same again and again, a second apart. */
function seen(before: CureState, list: readonly PathHealth[], times: number, fromMs: number): CureState {
  let state = before
  for (let i = 0; i < times; i++) state = observePaths(state, list, full, fromMs + i * 1000)
  return state
}

test('well paths need no cure, however large they turn out to be', () => {
  const state = seen(noCures, [health({ trueMtuBytes: 9000 }), health({ kind: 'vxlan' })], 50, 0)
  assert.deepEqual(curesOf(state), [])
})

test('each symptom of each path is named with what was found', () => {
  const sick = [
    health({ trueMtuBytes: 1400, large: 'unknown' }),
    health({ kind: 'vxlan', checksum: 'broken', reach: 'out-only' }),
    health({ peer: 'c', reach: 'none', checksum: 'unknown', large: 'unknown' }),
  ]
  assert.deepEqual(curesOf(seen(noCures, sick, 1, 0)), [])
  assert.deepEqual(curesOf(seen(noCures, sick, 2, 0)), [
    {
      peer: 'b',
      sick: [
        { kind: 'direct', mtuBytes: 1400 },
        { kind: 'vxlan', reach: 'out-only', offload: 'checksum' },
      ],
      proven: [],
    },
    { peer: 'c', sick: [{ kind: 'direct', reach: 'none' }], proven: [] },
  ])
})

test('a kind is proven once it has carried for a while beside a sick one, and until it is sick itself', () => {
  const dead = health({ reach: 'none', checksum: 'unknown', large: 'unknown' })
  const provenBy = (list: readonly PathHealth[], times: number) =>
    curesOf(seen(seen(noCures, [dead], 2, 0), list, times, 2000))[0]?.proven
  assert.deepEqual(provenBy([dead, health({ kind: 'vxlan' })], 1), [])
  assert.deepEqual(provenBy([dead, health({ kind: 'vxlan' })], 3), ['vxlan'])
  assert.deepEqual(provenBy([dead, health({ kind: 'vxlan', reach: 'unknown' })], 9), [])
  const both = [dead, health({ kind: 'vxlan', reach: 'none' })]
  assert.deepEqual(provenBy(both, 9), [], 'an agent that has died is silent everywhere')
  const proven = seen(seen(noCures, [dead], 2, 0), [dead, health({ kind: 'vxlan' })], 3, 2000)
  assert.deepEqual(curesOf(seen(proven, both, 3, 9000))[0]?.proven, ['vxlan'], 'what it has shown holds')
  const small = health({ trueMtuBytes: 1400, large: 'unknown' })
  assert.deepEqual(curesOf(seen(noCures, [small, health({ kind: 'vxlan' })], 9, 0))[0]?.proven, [])
})

test('segments that a device loses are its offload too', () => {
  const state = seen(noCures, [health({ kind: 'vxlan', large: 'broken' })], 2, 0)
  assert.deepEqual(curesOf(state)[0]?.sick, [{ kind: 'vxlan', offload: 'large' }])
})

test('of well paths nothing is remembered', () => {
  assert.equal(seen(noCures, [health(), health({ kind: 'vxlan' })], 100, 0).tracks.size, 0)
  const once = seen(seen(noCures, [health({ reach: 'none' })], 1, 0), [health()], 2, 1000)
  assert.equal(once.tracks.size, 0)
})

test('what is unknown changes nothing', () => {
  const sick = seen(noCures, [health({ reach: 'none', checksum: 'broken' })], 2, 0)
  const { trueMtuBytes: _, ...unknown } = health({ reach: 'unknown', checksum: 'unknown', large: 'unknown' })
  assert.deepEqual(curesOf(seen(sick, [unknown], 100, 2000)), curesOf(sick))
})

test('another MTU of the uplink begins anew', () => {
  const sick = seen(noCures, [health({ trueMtuBytes: 1400 })], 2, 0)
  const smaller = observePaths(sick, [health({ trueMtuBytes: 1400 })], () => 1400, 3000)
  assert.deepEqual(curesOf(smaller), [])
})

test('the state holds no more than what was observed within the memory of it', () => {
  const one = fc.record({
    peer: fc.constantFrom('a', 'b', 'c'),
    kind: fc.constantFrom('direct' as const, 'vxlan' as const),
    reach: fc.constantFrom('both' as const, 'none' as const, 'in-only' as const, 'unknown' as const),
    checksum: fc.constantFrom('ok' as const, 'broken' as const, 'unknown' as const),
    large: fc.constantFrom('ok' as const, 'broken' as const, 'unknown' as const),
    trueMtuBytes: fc.integer({ min: 500, max: 1600 }),
  })
  fc.assert(
    fc.property(fc.array(fc.array(one, { maxLength: 6 }), { maxLength: 50 }), (rounds) => {
      let state: CureState = noCures
      rounds.forEach((round, i) => {
        state = observePaths(state, round, full, i * 1000)
        assert.ok(state.tracks.size <= 3 * 2 * 3 && state.proofs.size <= 3 * 2)
        for (const { sick } of curesOf(state)) assert.ok(sick.length > 0)
      })
      for (const hour of [1, 2]) state = observePaths(state, [], full, hour * 3_600_000)
      assert.equal(state.tracks.size + state.proofs.size, 0)
    }),
  )
})
