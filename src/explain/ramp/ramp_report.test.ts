import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RampStep } from '../../schema/ramp.ts'
import { isServed, laneRamp, rampReport, reachedBy } from './ramp_report.ts'

const option = (name: string, of: ReturnType<typeof rampReport>) =>
  of.advice?.options.find((o) => o.name.startsWith(name))
const NAMED = { from: 'a', to: 'b', path: 'direct', cores: 1 }

const step = (offered: number, nsPerRequest: number, more: Partial<RampStep> = {}): RampStep => {
  const most = 1e9 / nsPerRequest
  const isFull = offered > most
  return {
    ...{ offered, served: Math.min(offered, most), p50Us: 40, p99Us: isFull ? 9_000 : 120 },
    ...{ cores: [{ cpu: 0, busy: Math.min(1, 0.01 + (offered * nsPerRequest) / 1e9), softirq: 0.1 }] },
    generatorIsLimit: false,
    ...more,
  }
}
/** As the ramp's loads rise, to beyond what the path carries. */
const steps = (nsPerRequest: number): RampStep[] =>
  Array.from({ length: 16 }, (_, i) => step(2_000 * 1.3 ** i, nsPerRequest)).filter(
    (s, i, all) => isServed(s) || isServed(all[i - 1] ?? s),
  )

const ramped = (lane: 'plain' | 'fast', all: readonly RampStep[]) => laneRamp(lane, all, all, 1)

test('the most that a path carries is the largest load that was answered in time', () => {
  const rising = [step(10_000, 50_000), step(18_000, 50_000), step(30_000, 50_000)]
  assert.deepEqual(reachedBy(rising), { rps: 18_000, orAbove: false })
  const late = [step(10_000, 50_000), step(18_000, 50_000, { p99Us: 6_000 })]
  assert.deepEqual(reachedBy(late), { rps: 10_000, orAbove: false })
  const idle = [step(10_000, 50_000), step(18_000, 50_000, { served: 12_000, generatorIsLimit: true })]
  assert.deepEqual(reachedBy(idle), { rps: 10_000, orAbove: true })
  assert.deepEqual(reachedBy([step(30_000, 50_000)]), { rps: 0, orAbove: false })
})

test('low loads predict each lane’s limit, and their ratio the gain that the switch has', () => {
  const report = rampReport(NAMED, [ramped('plain', steps(30_000)), ramped('fast', steps(20_000))])
  for (const [lane, limit] of [
    [report.lanes[0], 0.94e9 / 30_000],
    [report.lanes[1], 0.94e9 / 20_000],
  ] as const) {
    assert.ok(lane && !('refused' in lane.predicted))
    assert.ok(Math.abs(lane.predicted.value / limit - 1) < 0.02)
  }
  assert.ok(Math.abs((report.gain?.predicted?.value ?? 0) - 1.5) < 0.03)
  assert.equal(report.gain?.held, true)
  assert.match(report.words[0] ?? '', /^A faster lane helps: .* which held\.$/)
  assert.equal(report.advice?.limit?.unit, 'requests')
  assert.equal(option('fast lane', report)?.answer, 'helps')
  assert.equal(option('AF_XDP', report)?.answer, 'not known')
})

test('a prediction that does not come true is said to have failed', () => {
  // Cheap at low loads, and then something else is full.
  const early = steps(20_000).map((s) => (s.offered > 28_000 ? { ...s, served: 20_000, p99Us: 9_000 } : s))
  const report = rampReport(NAMED, [ramped('plain', steps(30_000)), ramped('fast', early)])
  assert.equal(report.gain?.held, false)
  assert.match(report.words[0] ?? '', /^The fast lane did not help: .*did NOT hold\.$/)
})

test('too few low loads predict nothing, and the gain is what was reached', () => {
  const few = [step(10_000, 30_000), step(30_000, 30_000), step(40_000, 30_000)]
  const report = rampReport(NAMED, [ramped('plain', few), ramped('fast', few)])
  assert.deepEqual(report.gain, { reached: 1 })
  assert.match(report.words[1] ?? '', /not predicted: CPU budget: wanted 5 or more/)
})

test('where the generator was late before the plain lane was full, nothing is said of the gain', () => {
  const late = [...steps(30_000).slice(0, 8), step(16_000, 30_000, { served: 9_000, generatorIsLimit: true })]
  const report = rampReport(NAMED, [ramped('plain', late), ramped('fast', steps(20_000))])
  assert.equal(report.gain?.held, undefined)
  assert.equal(report.advice, undefined)
  assert.match(report.words[0] ?? '', /^Nothing can be said: the generator was late/)
})
