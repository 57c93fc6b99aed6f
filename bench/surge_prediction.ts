// The knee as the capacity model (src/explain/capacity/) sees it coming, from loads below half of it. PURE.

import { fitBudget, USABLE_SHARE } from '../src/explain/capacity/budget.ts'
import { pointsBelow } from './surge_knee.ts'
import type { Step } from './surge_steps.ts'

export type Prediction =
  | { readonly rps: number; readonly low: number; readonly high: number; readonly points: number }
  | { readonly refused: string }

/** @param knee the reached one: only loads below half of it are shown to the model */
export function predictKnee(steps: readonly Step[], knee: number, cores: number): Prediction {
  const points = pointsBelow(steps, knee / 2, cores)
  const fit = fitBudget(points, { cores, share: USABLE_SHARE })
  if (!fit.ok) return { refused: `${fit.error.kind}: wanted ${fit.error.wanted}, found ${fit.error.found}` }
  const { value, low, high } = fit.value.kneeRps
  return { rps: value, low, high, points: points.length }
}
