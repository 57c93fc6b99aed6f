// What the surge bench makes of its steps, against a server of which everything is known.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { curveOf, predictionError, surgeFigures } from '../bench/surge_figures.ts'
import { isServed, kneeOf, p99At } from '../bench/surge_knee.ts'
import { ladderTo } from '../bench/surge_ladder.ts'
import { surgePicture } from '../bench/surge_picture.ts'
import { roughKnee } from '../bench/surge_search.ts'
import { type Step, stepOf } from '../bench/surge_steps.ts'
import type { SurgeSample } from '../src/schema/surge_sample.ts'

const SECONDS = 0.7

/** One core that a request costs so many µs; beyond it, what is refused costs too. */
function sampleAt(rate: number, usPerRequest: number, lateUs = 10): SurgeSample {
  const capacity = 1e6 / usPerRequest
  const answered = rate <= capacity ? rate : capacity - 0.3 * (rate - capacity)
  const busy = Math.min(1, rate / capacity)
  const elapsedUs = SECONDS * 1e6
  const core = { elapsedUs, userUs: elapsedUs * busy * 0.1, systemUs: elapsedUs * busy * 0.2, squeezed: 0 }
  const softirqUs = elapsedUs * busy * 0.7
  const latency = rate <= capacity ? 100 : 9_000
  return {
    ...{ seconds: SECONDS, due: rate * SECONDS, sent: rate * SECONDS, answered: answered * SECONDS },
    ...{ p50Us: latency / 2, p99Us: latency, p999Us: latency * 2 },
    ...{ lateP50Us: lateUs / 2, lateP99Us: lateUs, lateMostUs: lateUs * 2 },
    cores: [
      { ...core, cpu: 1, busyUs: elapsedUs, softirqUs: 0, dropped: 0 },
      { ...core, cpu: 0, busyUs: elapsedUs * busy, softirqUs, dropped: rate > capacity ? 5 : 0 },
    ],
  }
}

const stages = new Map(
  Object.entries({ encapsulation: 200, bridge: 100, socket: 300, server: 50, kernel: 80 }),
)

function passOf(usPerRequest: number): readonly Step[] {
  return ladderTo(1e6 / usPerRequest, false).map(({ direction, requestsPerSecond }) =>
    stepOf(sampleAt(requestsPerSecond, usPerRequest), direction, stages),
  )
}

const curve = (path: string, us: number) => curveOf({ path, passes: [passOf(us), passOf(us)] }, 1)

test('the rough search comes within a tenth of what a server carries, and says so when it carries nothing', async () => {
  const rough = await roughKnee(async (rate) => stepOf(sampleAt(rate, 25), 'up'))
  assert.ok(rough !== undefined && Math.abs(rough / 40_000 - 1) < 0.1, String(rough))
  assert.equal(await roughKnee(async (rate) => stepOf(sampleAt(rate, 1_000), 'up')), undefined)
})

test('one spoilt step is no bend, two in a row are, whatever is served beyond', () => {
  const served = (rate: number): Step => stepOf(sampleAt(rate, 10), 'up')
  const lost = (rate: number): Step => ({ ...served(rate), served: rate * 0.9 })
  const at = [10_000, 20_000, 30_000, 40_000, 50_000, 60_000]
  const kneeWith = (bad: readonly number[]) =>
    Math.round(kneeOf(at.map((rate) => (bad.includes(rate) ? lost(rate) : served(rate)))).rps ?? 0)
  assert.equal(kneeWith([30_000]), 60_000)
  // A tenth is lost at the next load: the hundredth that may be is lost a tenth of the way to it.
  assert.equal(kneeWith([30_000, 50_000, 60_000]), 41_000)
  assert.equal(kneeWith([30_000, 40_000]), 21_000)
  assert.equal(kneeWith([60_000]), 51_000)
})

test('the knee is the largest load that was served, and its prediction from well below meets it', () => {
  const flannel = curve('flannel', 25)
  for (const { value, q25, q75 } of [flannel.knee, flannel.kneeDown]) {
    assert.ok(value > 39_000 && value < 40_600, String(value))
    assert.deepEqual([q25, q75], [value, value])
  }
  assert.equal(flannel.isLowerBound, false)
  // This server has no queue: it serves to its last per cent, of which the model counts on 95.
  assert.ok(Math.abs(predictionError(flannel) + 0.05) < 0.02, JSON.stringify(flannel.prediction))
})

test('hiccups of the machine in two passes of five move no knee, in three the median’s alone', () => {
  const well = passOf(25)
  const spoilt = well.map((step) => (step.offered > 20_000 ? { ...step, p99Ms: 20 } : step))
  const kneeWith = (...passes: readonly (readonly Step[])[]) =>
    curveOf({ path: 'flannel', passes: [well, well, ...passes] }, 1).knee
  const { value } = kneeWith(well, well, well)
  assert.deepEqual(kneeWith(well, spoilt, spoilt), { value, q25: value, q75: value })
  const three = kneeWith(spoilt, spoilt, spoilt)
  assert.deepEqual([three.value, three.q75], [value, value])
  assert.ok(three.q25 < 21_000, String(three.q25))
})

test('the cost of a request, and of its stages, comes out as it went in', () => {
  const step = passOf(25)[4]
  assert.ok(step && Math.abs(step.nsPerRequest - 25_000) < 1)
  assert.ok(Math.abs(step.stages.reduce((sum, s) => sum + s.nsPerRequest, 0) - 25_000) < 1)
  assert.equal(step.stages[0]?.stage, 'socket')
})

test('a step whose generator was late says nothing of the path', () => {
  const late = stepOf(sampleAt(60_000, 25, 5_000), 'up')
  assert.equal(late.generatorIsLimit, true)
  assert.equal(isServed(late), false)
  const steps = [stepOf(sampleAt(20_000, 25), 'up'), late]
  assert.deepEqual(kneeOf(steps), { rps: 20_000, isLowerBound: true })
  assert.deepEqual(kneeOf([late]), { rps: undefined, isLowerBound: false })
})

test('p99 between two steps is between theirs', () => {
  const steps = [stepOf(sampleAt(30_000, 25), 'up'), stepOf(sampleAt(50_000, 25), 'up')]
  const p99 = p99At(steps, 40_000)
  assert.ok(p99 > 4 && p99 < 5, String(p99))
})

test('figures have the names that the report and the README quote, and a picture is made of them', () => {
  const curves = [curve('flannel', 25), curve('fast-vxlan', 12)]
  const names = surgeFigures(curves).map(({ name }) => name)
  for (const name of ['knee.rps', 'knee.vs-flannel', 'knee.prediction.error', 'p99.at-half-knee.ms'])
    assert.ok(names.includes(`fast-vxlan.${name}`), name)
  const versus = surgeFigures(curves).find(({ name }) => name === 'fast-vxlan.knee.vs-flannel')?.value ?? 0
  assert.ok(Math.abs(versus - 25 / 12) < 0.01)
  const picture = surgePicture(curves)
  assert.ok(!/NaN|undefined|Infinity/.test(picture))
  // The bars' own sums stand above them.
  assert.match(picture, />25\.0<\/text>/)
})
