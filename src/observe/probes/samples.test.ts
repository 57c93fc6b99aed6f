import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Recent, Samples } from './samples.ts'

test('of the last hundred probes the median, the second worst of those that came, and the share that did not', () => {
  const samples = new Samples()
  assert.deepEqual([samples.loss, samples.rttUs], [undefined, undefined])
  for (let i = 1; i <= 1000; i++) samples.add(i % 4 === 0 ? undefined : i * 1000)
  assert.equal(samples.count, 100)
  assert.equal(samples.loss, 0.25)
  assert.deepEqual(samples.rttUs, { p50: 950, p99: 999 })
})

test('a round trip of less than a nanosecond is no loss, one of more than four seconds no small one', () => {
  const samples = new Samples()
  samples.add(0)
  samples.add(1e12)
  assert.equal(samples.loss, 0)
  assert.equal(samples.rttUs?.p99, 4294967.3)
})

test('of the last attempts those asked for count, as far as there are so many', () => {
  const recent = new Recent()
  assert.deepEqual([recent.last(4), recent.isLastBad], [{ tries: 0, good: 0 }, false])
  for (const isGood of [false, true, true, false]) recent.add(isGood)
  assert.deepEqual(recent.last(3), { tries: 3, good: 2 })
  assert.deepEqual(recent.last(9), { tries: 4, good: 2 })
  assert.equal(recent.isLastBad, true)
  for (let i = 0; i < 40; i++) recent.add(true)
  assert.deepEqual(recent.last(99), { tries: 16, good: 16 })
  recent.clear()
  assert.equal(recent.last(1).tries, 0)
})
