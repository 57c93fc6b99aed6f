import assert from 'node:assert/strict'
import { test } from 'node:test'
import { uslAt } from '../capacity/usl.ts'
import { askersRamp, askersWords, medianAskers } from './askers.ts'

const NUMBERS = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32]
const points = (usl: Parameters<typeof uslAt>[0]) =>
  NUMBERS.map((askers) => {
    const rps = uslAt(usl, askers)
    return { askers, rps, p50Us: (askers / rps) * 1e6 }
  })

test('askers of a host with a serial part: its ceiling, and below how many of them waiting binds', () => {
  const found = askersRamp(points({ lambda: 20_000, sigma: 0.25, kappa: 0 }), 70_000)
  assert.equal(found.fillsAt, 4)
  assert.ok('ceiling' in found.law && found.law.ceiling)
  assert.ok(Math.abs(found.law.ceiling.value / 80_000 - 1) < 0.01)
  const words = askersWords('fast', found)
  assert.match(
    words,
    /^fast lane, asked by those who wait: 1 gets 20,000 answers a second \(median 50 µs\), 32 get/,
  )
  assert.match(
    words,
    /; fewer than 4 cannot fill the host: they wait; no number of them gets more than 80,000 \(/,
  )
})

test('where askers cost each other, the number is named beyond which more get less', () => {
  const found = askersRamp(points({ lambda: 20_000, sigma: 0.05, kappa: 0.01 }), 70_000)
  assert.match(askersWords('plain', found), /; most at 10 askers, [\d,]+; more get less \(κ 0\.01/)
})

test('of several looks at a number of askers the medians count', () => {
  const look = (rps: number, p50Us: number) => ({ askers: 3, rps, p50Us })
  assert.deepEqual(medianAskers([look(10, 90), look(30, 30), look(20, 50)]), [look(20, 50)])
  assert.deepEqual(medianAskers([]), [])
})

test('too few numbers of askers, or no answers, say so', () => {
  const few = askersRamp(points({ lambda: 20_000, sigma: 0.05, kappa: 0 }).slice(0, 3), 70_000)
  assert.match(askersWords('plain', few), /; no scalability law: .*3 numbers of workers/)
  const none = askersRamp([{ askers: 1, rps: 0, p50Us: 0 }], 70_000)
  assert.equal(askersWords('plain', none), 'plain lane: askers who wait got no answers')
})
