import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Backoff } from './backoff.ts'

const delays = (random: number, count: number): readonly number[] => {
  const backoff = new Backoff({ random: () => random })
  return Array.from({ length: count }, () => backoff.nextMs())
}

test('the delay doubles, stays at 5 s for about a minute, and then grows to 30 s', () => {
  const longest = delays(1, 22)
  assert.deepEqual(longest.slice(0, 7), [200, 400, 800, 1600, 3200, 5000, 5000])
  assert.ok(longest.slice(0, 16).every((ms) => ms <= 5_000))
  assert.ok(longest.slice(0, 16).reduce((a, b) => a + b) >= 60_000)
  assert.deepEqual(longest.slice(15, 20), [5_000, 10_000, 20_000, 30_000, 30_000].slice(0, 5))
})

test('jitter takes away at most half', () => {
  assert.deepEqual(delays(0, 3), [100, 200, 400])
})

test('after a reset the delay is short again', () => {
  const backoff = new Backoff({ random: () => 1 })
  for (let i = 0; i < 30; i++) backoff.nextMs()
  backoff.reset()
  assert.equal(backoff.nextMs(), 200)
})
