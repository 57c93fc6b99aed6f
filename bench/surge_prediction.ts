// The knee as the capacity model (src/explain/capacity/) sees it coming, from loads well below it. PURE.

import { fitBudget, USABLE_SHARE } from '../src/explain/capacity/budget.ts'
import { KNOWN_SHARE } from '../src/explain/ramp/low_loads.ts'
import type { Step } from './surge_steps.ts'

export type Prediction =
  | { readonly rps: number; readonly low: number; readonly high: number; readonly points: number }
  | { readonly refused: string }

/** @param steps one for each load. @param knee the reached one */
export function predictKnee(steps: readonly Step[], knee: number, cores: number): Prediction {
  const points = steps
    .filter((step) => step.offered < knee * KNOWN_SHARE && !step.generatorIsLimit)
    .map((step) => ({ rps: step.served, busyNsPerSecond: step.busyShare * cores * 1e9 }))
  const fit = fitBudget(points, { cores, share: USABLE_SHARE })
  if (!fit.ok) return { refused: `${fit.error.kind}: wanted ${fit.error.wanted}, found ${fit.error.found}` }
  const { value, low, high } = fit.value.kneeRps
  return { rps: value, low, high, points: points.length }
}
