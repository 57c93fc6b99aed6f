import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { must } from '../../base/result.ts'
import { type BudgetPoint, fitBudget } from './budget.ts'
import { busyAt } from './busy_curve.ts'
import { type Random, seeded } from './random.ts'
import { normal } from './testing/noise.ts'

const cores = 2
const capacity = cores * 1e9
type Host = { readonly idle: number; readonly work: number; readonly wakeUp: number }
const host: Host = { idle: 40e6, work: 28_000, wakeUp: 12_000 }
const kneeOf = ({ idle, work }: Host): number => (capacity - idle) / work

/** Loads from a tenth of `top` up to `top` × knee, with so much relative noise. */
function loads(of: Host, top: number, noise: number, random: Random, count = 12): BudgetPoint[] {
  return Array.from({ length: count }, (_, i) => {
    const rps = kneeOf(of) * top * (0.1 + (0.9 * i) / (count - 1))
    return { rps, busyNsPerSecond: busyAt(of, rps, capacity) * (1 + noise * normal(random)) }
  })
}

const within = (value: number, of: number, share: number): void =>
  assert.ok(Math.abs(value / of - 1) <= share, `${value} is not within ${share} of ${of}`)

test('cost, wake-ups and knee come back from loads up to 60 % of it, with 1 % of noise', () => {
  const fit = must(fitBudget(loads(host, 0.6, 0.01, seeded(7)), { cores, share: 1 }))
  within(fit.kneeRps.value, kneeOf(host), 0.1)
  within(fit.nsPerRequest.value, host.work + host.wakeUp, 0.06)
  within(fit.nsPerRequestAtKnee.value, host.work, 0.1)
  assert.deepEqual(fit.binds, { what: 'all cores' })
})

test('without batching the knee lies where a straight line meets the capacity, and only `share` of it counts', () => {
  const straight = { ...host, wakeUp: 0 }
  const points = loads(straight, 0.7, 0, seeded(1))
  within(must(fitBudget(points, { cores, share: 1 })).kneeRps.value, kneeOf(straight), 0.001)
  const some = must(fitBudget(points, { cores, share: 0.9 }))
  within(some.kneeRps.value, (0.9 * capacity - host.idle) / host.work, 0.001)
})

test('the bounds hold the true knee in at least nine of ten runs, and it is predicted within 15 %', () => {
  const fits = Array.from({ length: 40 }, (_, seed) =>
    fitBudget(loads(host, 0.7, 0.015, seeded(seed + 1)), { cores, share: 1 }),
  ).flatMap((fit) => (fit.ok ? [fit.value.kneeRps] : []))
  assert.ok(fits.length >= 36, `${fits.length} of 40 were fitted`)
  const held = fits.filter((k) => k.low <= kneeOf(host) && kneeOf(host) <= k.high)
  assert.ok(held.length >= fits.length * 0.9, `${held.length} of ${fits.length}`)
  const near = fits.filter((k) => Math.abs(k.value / kneeOf(host) - 1) <= 0.15)
  assert.ok(near.length >= fits.length * 0.95, `${near.length} of ${fits.length}`)
})

test('a spoilt point hardly moves the knee', () => {
  const points = loads(host, 0.7, 0.005, seeded(3))
  const spoilt = points.map((p, i) => (i === 5 ? { ...p, busyNsPerSecond: p.busyNsPerSecond * 1.5 } : p))
  within(must(fitBudget(spoilt, { cores, share: 1 })).kneeRps.value, kneeOf(host), 0.12)
})

test('points beyond saturation are left out', () => {
  const full = [1, 1.1, 1.3].map((k) => ({ rps: kneeOf(host) * k, busyNsPerSecond: capacity }))
  const fit = must(fitBudget([...loads(host, 0.8, 0, seeded(1)), ...full], { cores, share: 1 }))
  assert.equal(fit.leftOut, 3)
  within(fit.kneeRps.value, kneeOf(host), 0.01)
})

test('a core whose softirq is full before the sum binds, and its knee is the knee', () => {
  const points = loads(host, 0.5, 0.005, seeded(2)).map((p) => ({
    ...p,
    coreShares: [0.02 + (p.rps * 22_000) / 1e9, 0.01],
  }))
  const fit = must(fitBudget(points, { cores, share: 1 }))
  assert.deepEqual(fit.binds, { what: 'one core', core: 0 })
  within(fit.kneeRps.value, 0.98e9 / 22_000, 0.02)
})

test('the same points get the same answer', () => {
  const points = loads(host, 0.7, 0.02, seeded(4))
  assert.deepEqual(fitBudget(points, { cores, share: 1 }), fitBudget(points, { cores, share: 1 }))
})

const refused = (points: readonly BudgetPoint[]): string => {
  const fit = fitBudget(points, { cores, share: 1 })
  assert.ok(!fit.ok, 'it was fitted')
  return `${fit.error.kind}: wanted ${fit.error.wanted}, found ${fit.error.found}`
}

test('a weak fit is refused, with the reason', () => {
  const good = loads(host, 0.7, 0.01, seeded(5))
  assert.match(refused(good.slice(0, 4)), /^weak-fit: .*found 4 points below saturation/)
  assert.match(refused(good.slice(-6).map((p) => ({ ...p, rps: 30_000 + p.rps / 10 }))), /range of load/)
  assert.match(refused(loads(host, 0.15, 0, seeded(5))), /the knee would lie at/)
  assert.match(
    refused(good.map((p) => ({ ...p, busyNsPerSecond: 1.2e9 - p.busyNsPerSecond / 3 }))),
    /does not grow/,
  )
  assert.match(refused(loads(host, 0.6, 0.2, seeded(5))), /residuals|between/)
})

test('pure noise is refused', () => {
  const random = seeded(11)
  const fitted = Array.from({ length: 60 }, () =>
    fitBudget(
      Array.from({ length: 12 }, (_, i) => ({ rps: 5_000 * (i + 1), busyNsPerSecond: random() * capacity })),
      { cores, share: 1 },
    ),
  ).filter((fit) => fit.ok)
  assert.ok(fitted.length <= 1, `${fitted.length} of 60 were fitted`)
})

test('whatever the host, its knee comes back from clean points; twice the cores of it carry twice the load', () => {
  const hosts = fc.record({
    idle: fc.integer({ min: 0, max: 200_000_000 }),
    work: fc.integer({ min: 2_000, max: 500_000 }),
    wakeUp: fc.integer({ min: 0, max: 1_000 }),
  })
  fc.assert(
    fc.property(hosts, (h) => {
      const points = loads(h, 0.7, 0, seeded(1))
      const fit = must(fitBudget(points, { cores, share: 1 }))
      within(fit.kneeRps.value, kneeOf(h), 0.02)
      assert.ok(fit.kneeRps.low <= fit.kneeRps.value && fit.kneeRps.value <= fit.kneeRps.high)
      const doubled = points.map((p) => ({ rps: 2 * p.rps, busyNsPerSecond: 2 * p.busyNsPerSecond }))
      const twice = must(fitBudget(doubled, { cores: 2 * cores, share: 1 }))
      within(twice.kneeRps.value, 2 * fit.kneeRps.value, 0.01)
    }),
    { numRuns: 15 },
  )
})
