// From the passes to a path's curve, its knees, what was predicted, and the figures. PURE.

import { type Figure, single } from './lib/figures.ts'
import { median, type Spread, spreadOf } from './lib/statistics.ts'
import { kneeOf, p99At } from './surge_knee.ts'
import type { PathRun } from './surge_passes.ts'
import { type Prediction, predictKnee } from './surge_prediction.ts'
import { medianStep, type Step } from './surge_steps.ts'

export const FLANNEL = 'flannel'
const MOST_ERROR = 0.15

export type Curve = {
  readonly path: string
  /** Medians over the passes, up and then down. */
  readonly steps: readonly Step[]
  /** Of each pass, on the way up. NaN where no load was served. */
  readonly knees: readonly number[]
  readonly kneesDown: readonly number[]
  readonly isLowerBound: boolean
  readonly prediction: Prediction
  readonly p99AtHalfMs: readonly number[]
}

export function curveOf({ path, passes }: PathRun, cores: number): Curve {
  const up = passes.map((steps) => steps.filter((s) => s.direction === 'up'))
  const down = passes.map((steps) => steps.filter((s) => s.direction === 'down'))
  const rungs = passes[0]?.length ?? 0
  const steps = Array.from({ length: rungs }, (_, rung) =>
    medianStep(passes.flatMap((pass) => pass[rung] ?? [])),
  ).filter((step) => step !== undefined)
  const found = up.map(kneeOf)
  const knees = found.map(({ rps }) => rps ?? Number.NaN)
  const knee = median(known(knees))
  return {
    ...{ path, steps, knees, isLowerBound: found.filter((k) => k.isLowerBound).length * 2 > found.length },
    kneesDown: down.map((one) => kneeOf(one).rps ?? Number.NaN),
    prediction: predictKnee(passes.flat(), knee, cores),
    p99AtHalfMs: up.map((one) => p99At(one, knee / 2)),
  }
}

/** A pass in which nothing was served has no knee, and takes no part. */
export const known = (values: readonly number[]): readonly number[] => values.filter((v) => !Number.isNaN(v))

/** NaN where no pass found one. */
export const kneeRps = ({ knees }: Curve): number => median(known(knees))

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
export function predictionError(curve: Curve): number {
  const { prediction } = curve
  return 'refused' in prediction ? Number.NaN : prediction.rps / kneeRps(curve) - 1
}

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
    const { path, knees, kneesDown, p99AtHalfMs } = curve
    const figure = (name: string, unit: string, spread: Spread): Figure => ({
      ...{ name: `${path}.${name}`, unit },
      ...spread,
    })
    const error = predictionError(curve)
    const versus = knees.map((knee, pass) => knee / (flannel?.knees[pass] ?? Number.NaN))
    return [
      figure('knee.rps', '/s', spreadOf(known(knees))),
      figure('knee.vs-flannel', 'ratio', spreadOf(known(versus))),
      figure('knee-down.rps', '/s', spreadOf(known(kneesDown))),
      { ...figure('knee.prediction.error', 'ratio', single(Math.abs(error))), goal: { atMost: MOST_ERROR } },
      figure('p99.at-half-knee.ms', 'ms', spreadOf(known(p99AtHalfMs))),
      ...costFigures(curve, figure),
    ]
  })
  // Where there is no knee or the prediction was refused there is no figure, and the table says why.
  return all.filter(({ value }) => !Number.isNaN(value))
}

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
