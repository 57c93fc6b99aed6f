import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type FaultFacts, pathFaults } from './faults.ts'

const well: FaultFacts = {
  kind: 'direct',
  reach: 'both',
  mtuBytes: 1500,
  trueMtuBytes: 1500,
  probes: 100,
  loss: 0,
  checksum: 'ok',
  large: 'ok',
}
const of = (facts: Partial<FaultFacts>): readonly string[] => pathFaults({ ...well, ...facts })

test('a path that is well, or of which nothing is known, has no fault', () => {
  assert.deepEqual(of({}), [])
  assert.deepEqual(
    of({ reach: 'unknown', probes: 0, loss: undefined, checksum: 'unknown', large: 'unknown' }),
    [],
  )
})

test('each way that is broken is named from this node’s side, and nothing else then', () => {
  assert.deepEqual(of({ reach: 'in-only', loss: 1 }), [
    'direct: what the peer sends comes here, nothing of this node arrives',
  ])
  assert.deepEqual(of({ reach: 'out-only', checksum: 'broken' }), [
    'direct: what this node sends arrives, nothing of the peer comes here',
  ])
  assert.deepEqual(of({ reach: 'none' }), ['direct: nothing passes either way'])
})

test('one lost probe is no fault, two of a hundred are', () => {
  assert.deepEqual(of({ probes: 10, loss: 0.1 }), [])
  assert.deepEqual(of({ loss: 0.02 }), ['direct: 2 % of probes are lost'])
})

test('what breaks checksums is not called loss, and several faults are told together', () => {
  assert.deepEqual(of({ kind: 'vxlan', checksum: 'broken', loss: 1, trueMtuBytes: 1400, large: 'broken' }), [
    'vxlan: packets arrive with wrong checksums and are dropped',
    'vxlan: packets of more than 1400 bytes vanish, 1500 are planned',
    'vxlan: large segments are lost, which single packets of their size are not',
  ])
})
