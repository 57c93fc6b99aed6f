import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countText, digits, shareText, timeText } from './figures.ts'

const plain = (text: string): string => text.replaceAll('\u00a0', ' ')

test('a time has three digits that count and the unit that fits', () => {
  const times = [0, 7, 430, 1234, 45_678, 1_500_000, 12e9]
  assert.deepEqual(
    times.map((ns) => plain(timeText(ns))),
    ['0 ns', '7 ns', '430 ns', '1.23 µs', '45.7 µs', '1.5 ms', '12 s'],
  )
})

test('counts and shares are short, and small ones do not vanish', () => {
  assert.deepEqual(
    [812, 12_400, 1_310_000, 2e9].map((c) => plain(countText(c))),
    ['812', '12.4 k', '1.31 M', '2 G'],
  )
  assert.deepEqual(
    [0, 0.004, 0.5, 1].map((s) => plain(shareText(s))),
    ['0 %', '0.4 %', '50 %', '100 %'],
  )
  assert.equal(digits(0.0004), '0.0004')
  assert.equal(digits(Number.NaN), '–')
})
