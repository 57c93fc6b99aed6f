// A run on the terminal: every step, the knees, and the chain in words.

import { printTable } from './lib/figures.ts'
import { type Curve, FLANNEL, farthest, kneeRps, predictionError, stepNear } from './surge_figures.ts'
import { isServed, P99_BOUND_MS, SERVED_SHARE } from './surge_knee.ts'
import type { Step } from './surge_steps.ts'

const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`
const thousands = (rps: number): string => (Number.isNaN(rps) ? 'none' : `${(rps / 1000).toFixed(1)}k`)
const micros = (ns: number): string => (ns / 1000).toFixed(1)

export function printCurves(curves: readonly Curve[]): void {
  for (const { path, steps } of curves)
    printTable(
      [
        path,
        'offered/s',
        'served/s',
        'p50 ms',
        'p99 ms',
        'p99.9 ms',
        'loss',
        'softirq',
        'busy',
        'µs/request',
        'late ms',
        '',
      ],
      steps.map(row),
    )
}

function row(step: Step): readonly string[] {
  const { direction, offered, served, p50Ms, p99Ms, p999Ms, loss } = step
  return [
    direction,
    thousands(offered),
    thousands(served),
    ...[p50Ms, p99Ms, p999Ms].map((ms) => ms.toFixed(ms < 1 ? 3 : 1)),
    ...[percent(loss), percent(step.softirqShare), percent(step.busyShare), micros(step.nsPerRequest)],
    step.lateness.toFixed(2),
    step.generatorIsLimit ? 'the generator is the limit' : isServed(step) ? '' : 'not served',
  ]
}

export function printKnees(curves: readonly Curve[]): void {
  printTable(
    ['knee', 'up', 'down', 'predicted', 'error', 'p99 at half, ms', ''],
    curves.map((curve) => {
      const { path, knee, kneeDown, prediction, p99AtHalfMs, isLowerBound } = curve
      const error = predictionError(curve)
      return [
        path,
        ...[knee, kneeDown].map(({ value }) => thousands(value)),
        'refused' in prediction ? 'refused' : thousands(prediction.rps),
        Number.isNaN(error) ? '' : percent(error),
        p99AtHalfMs.value.toFixed(3),
        isLowerBound ? 'at least: the path’s own limit was not reached' : '',
      ]
    }),
  )
  console.log(
    `\n  Knee: the largest load of which ${percent(SERVED_SHARE)} is answered with a p99 under ${P99_BOUND_MS} ms.`,
  )
  for (const { path, prediction } of curves)
    if ('refused' in prediction) console.log(`  ${path}: no prediction, ${prediction.refused}`)
}

/** Encapsulation → stack → limit, in this run's own figures; what they do not show is not said. */
export function printChain(curves: readonly Curve[]): void {
  const at = (path: string) => curves.find((c) => c.path === path)
  const load = Math.min(...curves.map((c) => kneeRps(c))) * 0.9
  const costAt = (path: string): number => {
    const curve = at(path)
    return (curve && stepNear(curve, load)?.nsPerRequest) ?? Number.NaN
  }
  const say = (line: string): void => console.log(`  ${line}`)
  console.log(`\nThe chain, at ${thousands(load)} requests a second where not said otherwise`)
  for (const [name, from, to] of [
    ['encapsulation and bridge, in the stack', FLANNEL, 'plain-direct'],
    ['the stack itself, without encapsulation', 'plain-direct', 'fast-direct'],
    ['encapsulation, in the fast lane', 'fast-vxlan', 'fast-direct'],
  ] as const) {
    const cost = costAt(from) - costAt(to)
    if (at(from) && at(to))
      say(
        `${name}: ${micros(cost)} µs a request (${from} ${micros(costAt(from))}, ${to} ${micros(costAt(to))})`,
      )
  }
  for (const path of curves) say(stagesOf(path, load))
  for (const curve of curves) say(limitOf(curve))
}

const SHOWN_STAGES = 7

function stagesOf(curve: Curve, load: number): string {
  const stages = stepNear(curve, load)?.stages ?? []
  const shown = stages.slice(0, SHOWN_STAGES).map((s) => `${s.stage} ${micros(s.nsPerRequest)}`)
  return `${curve.path}, µs by stage: ${shown.join(', ') || 'not sampled'}`
}

function limitOf(curve: Curve): string {
  const knee = kneeRps(curve)
  const step = stepNear(curve, knee)
  const beyond = farthest(curve)
  const name = `${curve.path}: knee ${thousands(knee)}${curve.isLowerBound ? ' or above' : ''}`
  if (!step || !beyond || Number.isNaN(knee)) return name
  const core = `its core ${percent(step.busyShare)} busy there, ${percent(step.softirqShare)} in softirq`
  const left = `${percent(beyond.served / knee)} of the knee`
  return `${name}, ${core}; offered ${thousands(beyond.offered)} it serves ${thousands(beyond.served)}, ${left}`
}
