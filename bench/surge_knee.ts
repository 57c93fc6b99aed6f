// Where a path bends, and where its cost at low load says that it will. PURE.

import type { Step } from './surge_steps.ts'

export const SERVED_SHARE = 0.99
/**
 * A full backlog and socket take longer than this to pass on every path that was tried. In a quiet second p99 is 0.1 to
 * 0.4 ms; a tick that the machine takes away from its guest (4 ms) is felt at any load, and is below it.
 */
export const P99_BOUND_MS = 5

export const isServed = (step: Step): boolean =>
  step.served >= SERVED_SHARE * step.offered && step.p99Ms < P99_BOUND_MS

export type Knee = {
  /** Requests a second; undefined where not even the smallest load was served. */
  readonly rps: number | undefined
  /** The generator, or the end of the ladder, came before the path's limit: the knee is there or above. */
  readonly isLowerBound: boolean
}

/** A hiccup of the machine spoils one step, at any load; what two in a row do not serve is beyond the path. */
const IN_A_ROW = 2

/** The largest offered load that was served before it bends. @param steps of one way, up or down, of one pass */
export function kneeOf(steps: readonly Step[]): Knee {
  const rising = [...steps].sort((a, b) => a.offered - b.offered)
  const bend = rising.findIndex((_, i) => rising.slice(i, i + IN_A_ROW).every((step) => !isServed(step)))
  const before = bend < 0 ? rising : rising.slice(0, bend)
  const last = before.findLastIndex(isServed)
  const next = rising[last + 1]
  return { rps: rising[last]?.offered, isLowerBound: last >= 0 && (!next || next.generatorIsLimit) }
}

/** Between the two steps around a load. */
export function p99At(steps: readonly Step[], rps: number): number {
  const rising = [...steps].sort((a, b) => a.offered - b.offered)
  const at = rising.findIndex((step) => step.offered >= rps)
  const [below, above] = [rising[at - 1], rising[at]]
  if (!above) return Number.NaN
  if (!below) return above.p99Ms
  const share = (rps - below.offered) / (above.offered - below.offered)
  return below.p99Ms + (above.p99Ms - below.p99Ms) * share
}

/** What is known of a load well below the knee: the points for the capacity model. */
export function pointsBelow(
  steps: readonly Step[],
  rps: number,
  cores: number,
): readonly { rps: number; busyNsPerSecond: number }[] {
  return steps
    .filter((step) => step.offered < rps && !step.generatorIsLimit)
    .map((step) => ({ rps: step.served, busyNsPerSecond: step.busyShare * cores * 1e9 }))
}
