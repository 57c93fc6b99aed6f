// Where a path bends, and where its cost at low load says that it will. PURE.

import { quantile, type Spread } from './lib/statistics.ts'
import type { Step } from './surge_steps.ts'

export const SERVED_SHARE = 0.99
/**
 * A full backlog and socket take longer than this to pass on every path that was tried. In a quiet second p99 is 0.1 to
 * 0.4 ms; what the host takes away from its guest at a time (5 ms) is felt at any load.
 */
export const P99_BOUND_MS = 5

/** What is asked of a step. */
type Outcome = Pick<Step, 'offered' | 'served' | 'p99Ms' | 'generatorIsLimit'>

export const isServed = (step: Outcome): boolean =>
  step.served >= SERVED_SHARE * step.offered && step.p99Ms < P99_BOUND_MS

export type Knee = {
  /** Requests a second; undefined where not even the smallest load was served. */
  readonly rps: number | undefined
  /** The generator, or the end of the ladder, came before the path's limit: the knee is there or above. */
  readonly isLowerBound: boolean
}

/** A hiccup of the machine spoils one step, at any load; what two in a row do not serve is beyond the path. */
const IN_A_ROW = 2

/** Where it bends: the last load that was served, or what of the way to the next one still is. @param steps of one way */
export function kneeOf(steps: readonly Outcome[]): Knee {
  const rising = [...steps].sort((a, b) => a.offered - b.offered)
  const bend = rising.findIndex((_, i) => rising.slice(i, i + IN_A_ROW).every((step) => !isServed(step)))
  const before = bend < 0 ? rising : rising.slice(0, bend)
  const last = before.findLastIndex(isServed)
  const [at, next] = [rising[last], rising[last + 1]]
  const isLowerBound = at !== undefined && (!next || next.generatorIsLimit)
  return { rps: at && next && !isLowerBound ? crossing(at, next) : at?.offered, isLowerBound }
}

/** Between two loads, where the first of the bounds is crossed, by straight lines. @param at is served, `next` is not */
function crossing(at: Outcome, next: Outcome): number {
  const lost = (o: Outcome): number => 1 - o.served / o.offered
  const part = (bound: number, from: number, to: number): number =>
    to > bound ? (bound - from) / (to - from) : 1
  const parts = [part(1 - SERVED_SHARE, lost(at), lost(next)), part(P99_BOUND_MS, at.p99Ms, next.p99Ms)]
  return at.offered + Math.min(...parts) * (next.offered - at.offered)
}

/** The looks at each load, over all passes. @param passes each with the same loads */
export const byLoad = (passes: readonly (readonly Step[])[]): readonly (readonly Step[])[] =>
  Array.from({ length: passes[0]?.length ?? 0 }, (_, i) => passes.flatMap((pass) => pass[i] ?? []))

/** As good as so much of the looks at each load, or better. */
const LOOKS = { worse: 0.5, knee: 0.75, better: 0.9 }

/**
 * What a path carries in the better quarter of the looks at each load: a look is spoilt when the host takes the core away
 * for some milliseconds, which it does about once a second, and nothing makes a look better than the path is. Its bounds
 * are the curve of medians and that of the best tenth. A pass has a knee of its own too, but the first hiccup ends it.
 * @param passes steps of one way. NaN where not even the smallest was served
 */
export function kneeSpread(passes: readonly (readonly Step[])[]): Spread & Pick<Knee, 'isLowerBound'> {
  const loads = byLoad(passes)
  const at = (share: number): Knee => kneeOf(loads.map((steps) => outcomeAt(steps, share)))
  const rps = (share: number): number => at(share).rps ?? Number.NaN
  const { rps: value = Number.NaN, isLowerBound } = at(LOOKS.knee)
  return { value, q25: rps(LOOKS.worse), q75: rps(LOOKS.better), isLowerBound }
}

/** As good as `share` of the looks or better: the median at 0.5. */
function outcomeAt(steps: readonly Step[], share: number): Outcome {
  const offered = quantile(
    steps.map((s) => s.offered),
    0.5,
  )
  const served = steps.map((s) => s.served / s.offered)
  const late = steps.filter((s) => s.generatorIsLimit).length
  return {
    offered,
    served: quantile(served, share) * offered,
    p99Ms: quantile(
      steps.map((s) => s.p99Ms),
      1 - share,
    ),
    generatorIsLimit: late * 2 > steps.length,
  }
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
