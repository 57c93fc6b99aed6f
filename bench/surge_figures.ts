// From the passes to a path's curve, its knees, what was predicted, and the figures. PURE.

import { type Figure, single } from './lib/figures.ts'
import { type Spread, spreadOf } from './lib/statistics.ts'
import { byLoad, kneeSpread, p99At } from './surge_knee.ts'
import type { PathRun } from './surge_passes.ts'
import { type Prediction, predictKnee } from './surge_prediction.ts'
import { medianStep, type Step } from './surge_steps.ts'

export const FLANNEL = 'flannel'
const MOST_ERROR = 0.15

export type Curve = {
  readonly path: string
  /** Medians over the passes, up and then down. */
  readonly steps: readonly Step[]
  /** On the way up, and on the way down; NaN where no load was served. */
  readonly knee: Spread
  readonly kneeDown: Spread
  readonly isLowerBound: boolean
  readonly prediction: Prediction
  readonly p99AtHalfMs: Spread
}

export function curveOf({ path, passes }: PathRun, cores: number): Curve {
  const up = passes.map((steps) => steps.filter((s) => s.direction === 'up'))
  const down = passes.map((steps) => steps.filter((s) => s.direction === 'down'))
  const steps = byLoad(passes).flatMap((looks) => medianStep(looks) ?? [])
  const { isLowerBound, ...knee } = kneeSpread(up)
  const { isLowerBound: _, ...kneeDown } = kneeSpread(down)
  return {
    ...{ path, steps, knee, kneeDown, isLowerBound },
    prediction: predictKnee(steps, knee.value, cores),
    p99AtHalfMs: spreadOf(up.map((one) => p99At(one, knee.value / 2))),
  }
}

/** NaN where there is none. */
export const kneeRps = ({ knee }: Curve): number => knee.value

const LEAST_STAGE = 0.01
const KEPT_DIGITS = 4

/** As the file of curves has it: shape for `podlane report`, four digits, stages of a hundredth and more. */
export function keptOf({ path, prediction, steps }: Curve): unknown {
  const rounded = (_: string, value: unknown): unknown =>
    typeof value === 'number' ? Number(value.toPrecision(KEPT_DIGITS)) : value
  const lean = steps.map((step) => ({
    ...step,
    stages: Object.fromEntries(
      step.stages
        .filter((s) => s.nsPerRequest >= LEAST_STAGE * step.nsPerRequest)
        .map((s) => [s.stage, s.nsPerRequest]),
    ),
  }))
  const kept: unknown = JSON.parse(JSON.stringify({ path, prediction, steps: lean }, rounded))
  return kept
}

/** How far the predicted knee lies from the reached one, of it; above: positive. */
export const predictionError = ({ prediction, knee }: Curve): number =>
  'refused' in prediction ? Number.NaN : prediction.rps / knee.value - 1

/** The step on the way up whose load is nearest to so much. */
export function stepNear({ steps }: Curve, rps: number): Step | undefined {
  const up = steps.filter((s) => s.direction === 'up')
  const distance = (step: Step): number => Math.abs(Math.log(step.offered / rps))
  return [...up].sort((a, b) => distance(a) - distance(b))[0]
}

/** The step with the largest load. */
export const farthest = ({ steps }: Curve): Step | undefined =>
  [...steps].sort((a, b) => b.offered - a.offered)[0]

export function surgeFigures(curves: readonly Curve[]): readonly Figure[] {
  const flannel = curves.find(({ path }) => path === FLANNEL)
  const all = curves.flatMap((curve) => {
    const { path, knee, kneeDown, p99AtHalfMs } = curve
    const figure = (name: string, unit: string, spread: Spread): Figure => ({
      ...{ name: `${path}.${name}`, unit },
      ...spread,
    })
    const error = predictionError(curve)
    return [
      figure('knee.rps', '/s', knee),
      ...(flannel ? [figure('knee.vs-flannel', 'ratio', ratio(knee, flannel.knee))] : []),
      figure('knee-down.rps', '/s', kneeDown),
      { ...figure('knee.prediction.error', 'ratio', single(Math.abs(error))), goal: { atMost: MOST_ERROR } },
      figure('p99.at-half-knee.ms', 'ms', p99AtHalfMs),
      ...costFigures(curve, figure),
    ]
  })
  // Where there is no knee or the prediction was refused there is no figure, and the table says why.
  return all.filter(({ value }) => !Number.isNaN(value))
}

/** Each bound against the other's opposite one: no narrower than either. */
const ratio = (of: Spread, by: Spread): Spread => ({
  value: of.value / by.value,
  q25: of.q25 / by.q75,
  q75: of.q75 / by.q25,
})

/** What a request costs at half the knee and at it, and what is left of the knee far beyond it. */
function costFigures(
  curve: Curve,
  figure: (name: string, unit: string, spread: Spread) => Figure,
): readonly Figure[] {
  const knee = kneeRps(curve)
  const half = stepNear(curve, knee / 2)
  const at = stepNear(curve, knee)
  const beyond = farthest(curve)
  return [
    figure('half-knee.ns', 'ns', single(half?.nsPerRequest ?? Number.NaN)),
    figure('knee.ns', 'ns', single(at?.nsPerRequest ?? Number.NaN)),
    figure('knee.softirq', 'share of the core', single(at?.softirqShare ?? Number.NaN)),
    figure('beyond.served', 'of the knee', single((beyond?.served ?? Number.NaN) / knee)),
  ]
}
