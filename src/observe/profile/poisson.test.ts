import assert from 'node:assert/strict'
import { test } from 'node:test'
import { poissonInterval, timeInterval } from './poisson.ts'

test('bounds are those of the exact Poisson interval', () => {
  // Garwood's: half the 2.5 % and 97.5 % quantiles of chi-square.
  const exact: readonly (readonly [count: number, low: number, high: number])[] = [
    [1, 0.0253, 5.572],
    [5, 1.623, 11.668],
    [10, 4.795, 18.39],
    [100, 81.36, 121.63],
    [10_000, 9804.9, 10_197.9],
  ]
  for (const [count, low, high] of exact) {
    const found = poissonInterval(count)
    assert.ok(Math.abs(found[0] - low) < 0.05 + low * 0.001, `${count}: ${found[0]}, not ${low}`)
    assert.ok(Math.abs(found[1] - high) < 0.06 + high * 0.001, `${count}: ${found[1]}, not ${high}`)
  }
})

test('nothing seen may still have been up to some 3.7 samples', () => {
  const [low, high] = poissonInterval(0)
  assert.equal(low, 0)
  assert.ok(high > 3.5 && high < 3.9, String(high))
})

test('samples that stand for more time are less sure', () => {
  const width = ({ lowNs, highNs }: ReturnType<typeof timeInterval>): number => highNs - lowNs
  const many = timeInterval(1000, 1000 * 1, 1)
  const few = timeInterval(1000, 10 * 100 ** 2, 1)
  const mixed = timeInterval(1000, 500 * 1 + 5 * 100 ** 2, 1)
  assert.ok(width(many) < width(mixed) && width(mixed) < width(few))
  for (const { lowNs, highNs } of [many, few, mixed]) assert.ok(lowNs < 1000 && highNs > 1000)
})
