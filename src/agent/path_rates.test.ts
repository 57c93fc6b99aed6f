import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CountedPath } from '../apply/fast_lane_contract.ts'
import { PathRates, rateKey } from './path_rates.ts'

const lane = (peer: string, packets: number): CountedPath => ({
  ...{ peer, ranges: [], lane: 'fast', why: '' },
  packets,
})
const b = rateKey({ peer: 'b', ranges: [] })

test('a rate is the growth since an earlier look', () => {
  const rates = new PathRates()
  assert.equal(rates.isReady(0), false)
  assert.equal(rates.look([lane('b', 100)], 0).get(b), undefined)
  assert.equal(rates.isReady(2_000), true)
  assert.equal(rates.look([lane('b', 300)], 2_000).get(b), 100)
})

test('looks in quick succession lean on the last one that is old enough', () => {
  const rates = new PathRates()
  rates.look([lane('b', 0)], 0)
  rates.look([lane('b', 1_000)], 1_000)
  assert.equal(
    rates
      .look([lane('b', 1_001)], 1_001)
      .get(b)
      ?.toFixed(),
    '1000',
  )
})

test('without an earlier look, or after a long pause, a second look right after gives the present rate', () => {
  const rates = new PathRates()
  rates.look([lane('b', 0)], 0)
  assert.equal(rates.isReady(100_000), false)
  rates.look([lane('b', 5_000)], 100_000)
  assert.equal(rates.look([lane('b', 5_004)], 100_040).get(b), 100)
})

test('counters that begin again, and paths that are new, have no negative and no wild rate', () => {
  const rates = new PathRates()
  rates.look([lane('b', 1_000)], 0)
  const now = rates.look([lane('b', 1), lane('c', 1_000_000)], 1_000)
  assert.deepEqual([...now.values()], [0, 0])
})
