import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { must } from '../../base/result.ts'
import { type Random, seeded } from './random.ts'
import { normal } from './testing/noise.ts'
import { fitUsl, type Usl, type UslPoint, uslAt } from './usl.ts'

const counts = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32]
const points = (of: Usl, noise = 0, random: Random = seeded(1), ns = counts): UslPoint[] =>
  ns.map((n) => ({ n, x: uslAt(of, n) * (1 + noise * normal(random)) }))
const within = (value: number, of: number, share: number): void =>
  assert.ok(Math.abs(value - of) <= share * Math.abs(of), `${value} is not within ${share} of ${of}`)

const usual: Usl = { lambda: 20_000, sigma: 0.06, kappa: 0.002 }

test('λ, σ, κ, the peak and the ceiling come back from points with 1 % of noise', () => {
  const fit = must(fitUsl(points(usual, 0.01, seeded(5))))
  within(fit.lambda.value, usual.lambda, 0.04)
  within(fit.sigma.value, usual.sigma, 0.25)
  within(fit.kappa.value, usual.kappa, 0.2)
  within(fit.peak?.n.value ?? 0, Math.sqrt((1 - usual.sigma) / usual.kappa), 0.1)
  within(fit.ceiling?.value ?? 0, usual.lambda / usual.sigma, 0.25)
})

test('the bounds hold the true peak in at least nine of ten runs', () => {
  const truth = uslAt(usual, Math.sqrt((1 - usual.sigma) / usual.kappa))
  const fits = Array.from({ length: 60 }, (_, seed) => fitUsl(points(usual, 0.02, seeded(seed + 1))))
  const peaks = fits.flatMap((f) => (f.ok && f.value.peak ? [f.value.peak.x] : []))
  assert.ok(peaks.length >= 50, `${peaks.length} peaks`)
  const held = peaks.filter((p) => p.low <= truth && truth <= p.high)
  assert.ok(held.length >= peaks.length * 0.9, `${held.length} of ${peaks.length}`)
})

test('what scales straight has neither peak nor ceiling', () => {
  const fit = must(fitUsl(points({ lambda: 9_000, sigma: 0, kappa: 0 }, 0.01, seeded(3))))
  assert.equal(fit.peak, undefined)
  within(fit.lambda.value, 9_000, 0.03)
})

test('points that would need a negative κ get κ = 0', () => {
  const bending = counts.map((n) => ({ n, x: (20_000 * n) / (1 + 0.05 * (n - 1) - 0.0003 * n * (n - 1)) }))
  const fit = must(fitUsl(bending))
  assert.ok(fit.kappa.value >= 0 && fit.sigma.value >= 0)
  assert.equal(fit.peak, undefined)
})

test('what one core serves alone has σ = 1: more flows carry no more', () => {
  const fit = must(fitUsl(points({ lambda: 30_000, sigma: 1, kappa: 0 }, 0.01, seeded(4))))
  within(fit.sigma.value, 1, 0.1)
  within(fit.ceiling?.value ?? 0, 30_000, 0.05)
})

const refused = (of: readonly UslPoint[]): string => {
  const fit = fitUsl(of)
  assert.ok(!fit.ok, 'it was fitted')
  return `${fit.error.kind}: ${fit.error.found}`
}

test('a weak fit is refused, with the reason', () => {
  assert.equal(refused(points(usual).slice(0, 5)), 'weak-fit: 5 numbers of workers')
  assert.equal(refused(points(usual, 0, seeded(1), [1, 1, 1, 2, 3, 4, 5])), 'weak-fit: 5 numbers of workers')
  assert.equal(
    refused(points(usual, 0, seeded(1), [10, 11, 12, 13, 14, 15, 16])),
    'weak-fit: 10 to 16 workers',
  )
  assert.match(refused(points(usual, 0.3, seeded(2))), /residuals|one worker/)
})

test('pure noise is refused', () => {
  const random = seeded(11)
  const fitted = Array.from({ length: 200 }, () =>
    fitUsl(counts.map((n) => ({ n, x: random() * 100_000 }))),
  ).filter((f) => f.ok)
  assert.ok(fitted.length <= 2, `${fitted.length} of 200 were fitted`)
})

test('whatever the parameters, clean points give them back', () => {
  const usls = fc.record({
    lambda: fc.double({ min: 100, max: 1e6, noNaN: true }),
    sigma: fc.double({ min: 0, max: 0.5, noNaN: true }),
    kappa: fc.double({ min: 0, max: 0.01, noNaN: true }),
  })
  fc.assert(
    fc.property(usls, (u) => {
      const fit = must(fitUsl(points(u)))
      within(fit.lambda.value, u.lambda, 1e-4)
      assert.ok(Math.abs(fit.sigma.value - u.sigma) < 1e-4 && Math.abs(fit.kappa.value - u.kappa) < 1e-5)
      assert.ok(fit.sigma.low <= fit.sigma.value && fit.sigma.value <= fit.sigma.high)
    }),
    { numRuns: 60 },
  )
})
