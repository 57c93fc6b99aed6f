// Loads well below what a lane carries, each looked at several times: what its limit is predicted from. Pure.

import { median } from '../../base/quantile.ts'
import type { RampStep } from '../../schema/ramp.ts'

export const ROUNDS = 8
/**
 * Of what was reached: only loads below it are shown to the model, here and in the surge. From below half of it a curve is drawn more than twice
 * as far as it is known, and a few per cent of noise make that a refusal.
 */
export const KNOWN_SHARE = 0.75
/** Parts of what the lane carries. The first is nearly rest: what the machine does without the load. */
const PARTS = [0.004, 0.02, 0.08, 0.16, 0.24, 0.32, 0.4, 0.5, 0.6, 0.7]

/** Requests a second. */
export const lowLoads = (reachedRps: number): readonly number[] => PARTS.map((part) => part * reachedRps)

/** Of looks at one load, as they came. */
export function medianStep(steps: readonly RampStep[]): RampStep | undefined {
  const [first] = steps
  if (!first) return undefined
  const of = (value: (step: RampStep) => number): number => median(steps.map(value))
  return {
    ...{ offered: of((s) => s.offered), served: of((s) => s.served) },
    ...{ p50Us: of((s) => s.p50Us), p99Us: of((s) => s.p99Us) },
    cores: first.cores.map(({ cpu }, i) => ({
      cpu,
      busy: of((s) => s.cores[i]?.busy ?? 0),
      softirq: of((s) => s.cores[i]?.softirq ?? 0),
    })),
    generatorIsLimit: steps.filter((s) => s.generatorIsLimit).length * 2 > steps.length,
  }
}
