import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { closedLoop } from './closed_loop.ts'
import { exact } from './estimate.ts'
import { gainOf, serialCore } from './serial.ts'

test('ten askers with 40 µs of round trip and 60 µs of thinking ask 100,000 times a second', () => {
  const { value } = closedLoop({ askers: 10, roundTripNs: exact(40_000), thinkNs: 60_000 })
  assert.equal(value, 100_000)
})

test('a flow of 2 µs a packet carries half a million packets a second on its core', () => {
  assert.deepEqual(serialCore({ value: 2_000, low: 1_000, high: 4_000 }), {
    ...{ value: 500_000, low: 250_000, high: 1_000_000 },
  })
})

test('half the time made free is worth a factor of 2 at most, made half as dear 4/3', () => {
  assert.equal(gainOf(exact(0.5)).value, 2)
  assert.equal(gainOf(exact(0.5), 2).value, 4 / 3)
})

test('no saving makes a host slower, and none is worth more than the share that is saved', () => {
  const shares = fc.double({ min: 0, max: 0.99, noNaN: true })
  fc.assert(
    fc.property(shares, fc.double({ min: 1, max: 1e6, noNaN: true }), (s, times) => {
      const gain = gainOf(exact(s), times).value
      assert.ok(gain >= 1 && gain <= gainOf(exact(s)).value * (1 + 1e-12))
    }),
  )
})
