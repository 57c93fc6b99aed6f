// The CPU budget: what a request costs, and the rate at which the cores have no more to give. Also core by core, where
// it is said what of each core cannot move to another: one core's softirq may be full while the sum is far from it.

import { type Fault, fault, ok, type Result } from '../../base/result.ts'
import { type BusyPoint, busyAt, type Fitted, fitBusyCurve, PARAMETERS, rateAt } from './busy_curve.ts'
import { type Estimate, fromDraws, width } from './estimate.ts'
import { seeded } from './random.ts'
import { residualSpread } from './residual_spread.ts'

export type BudgetPoint = {
  /** Requests per second that were answered. */
  readonly rps: number
  /** Over all cores, /proc/stat's non-idle time. */
  readonly busyNsPerSecond: number
  /** 0..1 by core: what of each was busy with work that cannot move to another core (softirq, pinned threads). */
  readonly coreShares?: readonly number[] | undefined
}
export type BudgetOptions = {
  readonly cores: number
  /** 0..1: of all cores' time, what there is for this load. */
  readonly share: number
}
export type BudgetFit = {
  /** At a low load, where each request wakes a core up. */
  readonly nsPerRequest: Estimate
  /** At the knee. Lower by what batching saves. */
  readonly nsPerRequestAtKnee: Estimate
  readonly idleNsPerSecond: Estimate
  readonly kneeRps: Estimate
  readonly binds: { readonly what: 'all cores' } | { readonly what: 'one core'; readonly core: number }
  /** Points that the fit rests on, and those that were full already. */
  readonly points: number
  readonly leftOut: number
  /** Spread of the residuals ÷ the busy time that the load explains. */
  readonly residualShare: number
}

/** Of the cores' time: beyond it nothing is left for what comes late, and the longest waits grow without bounds. */
export const USABLE_SHARE = 0.95

const LEAST_POINTS = 5
/** Busier than this a point says where the knee is, not what a request costs. */
const FULL = 0.97
const LEAST_RANGE = 2
const MOST_EXTRAPOLATION = 4
const MOST_RESIDUAL = 0.15
const MOST_WIDTH = 0.6
/** Of the way from the last point to the knee, to each side of it. */
const DOUBT = 0.1
/** A fit takes some milliseconds. */
const MOST_CORES = 2
const NS = 1e9
const SEED = 1

/** Refuses, as a Fault that says why, what too little can be concluded from. The same points get the same answer. */
export function fitBudget(
  points: readonly BudgetPoint[],
  { cores, share }: BudgetOptions,
): Result<BudgetFit> {
  const capacity = cores * NS
  const usable = points
    .filter((p) => p.rps > 0 && p.busyNsPerSecond < FULL * share * capacity)
    .sort((a, b) => a.rps - b.rps)
  const all = fitPart(
    usable.map((p) => ({ rate: p.rps, busy: p.busyNsPerSecond })),
    capacity,
    share,
  )
  if (!all.ok) return all
  const fullest = coreKnees(usable, share)[0]
  const isOneCore = fullest !== undefined && fullest.part.knee.value < all.value.knee.value
  const knee = isOneCore ? fullest.part.knee : all.value.knee
  const tooWide = refuseKnee(knee, usable)
  if (tooWide) return tooWide
  const { curve, draws } = all.value.fitted
  const costAt = (c: typeof curve): number => (busyAt(c, knee.value, capacity) - c.idle) / knee.value
  return ok({
    nsPerRequest: fromDraws(
      curve.work + curve.wakeUp,
      draws.map((d) => d.work + d.wakeUp),
    ),
    nsPerRequestAtKnee: fromDraws(costAt(curve), draws.map(costAt)),
    idleNsPerSecond: fromDraws(
      curve.idle,
      draws.map((d) => d.idle),
    ),
    kneeRps: knee,
    binds: isOneCore ? { what: 'one core', core: fullest.core } : { what: 'all cores' },
    points: usable.length,
    leftOut: points.length - usable.length,
    residualShare: all.value.residualShare,
  })
}

type Part = { readonly fitted: Fitted; readonly knee: Estimate; readonly residualShare: number }

function fitPart(points: readonly BusyPoint[], capacity: number, share: number): Result<Part> {
  if (points.length < LEAST_POINTS)
    return weak(`${points.length} points below saturation`, `${LEAST_POINTS} or more`)
  const rates = points.map((p) => p.rate)
  const [least, most] = [Math.min(...rates), Math.max(...rates)]
  if (most < least * LEAST_RANGE)
    return weak(
      `${Math.round(least)} to ${Math.round(most)} requests/s`,
      `a range of load of 1 to ${LEAST_RANGE} or more`,
    )
  const fitted = fitBusyCurve(points, capacity, seeded(SEED))
  if (!fitted) return weak('no curve goes through the points', 'busy time that grows with the load')
  const knees = fitted.draws.map((d) => rateAt(d, share, capacity))
  const knee = beyond(most, fromDraws(rateAt(fitted.curve, share, capacity), knees))
  const explained = busyAt(fitted.curve, most, capacity) - busyAt(fitted.curve, least, capacity)
  const residualShare = residualSpread(fitted.left, PARAMETERS) / explained
  if (explained <= 0 || knees.some((k) => k <= 0))
    return weak('busy time does not grow with the load', 'busy time that grows with it')
  if (residualShare > MOST_RESIDUAL)
    return weak(
      `residuals of ${percent(residualShare)} of what the load explains`,
      `at most ${percent(MOST_RESIDUAL)}`,
    )
  return ok({ fitted, knee, residualShare })
}

/** Further out than the last point the curve itself may be wrong, not only its parameters. */
function beyond(last: number, { value, low, high }: Estimate): Estimate {
  const doubt = DOUBT * Math.max(0, value - last)
  return { value, low: low - doubt, high: high + doubt }
}

/** Of the cores that the load fills most; the knees of others lie beyond theirs. The nearest first. */
function coreKnees(points: readonly BudgetPoint[], share: number) {
  const fullest = [...(points.at(-1)?.coreShares ?? []).entries()]
    .sort(([, a], [, b]) => b - a)
    .slice(0, MOST_CORES)
  return fullest
    .flatMap(([core]) => {
      const busy = points.map((p) => ({ rate: p.rps, busy: (p.coreShares?.[core] ?? 0) * NS }))
      // A core that the load hardly touches has nothing to fit, and does not bind.
      const part = fitPart(
        busy.filter((p) => p.busy < FULL * share * NS),
        NS,
        share,
      )
      return part.ok ? [{ core, part: part.value }] : []
    })
    .sort((a, b) => a.part.knee.value - b.part.knee.value)
}

function refuseKnee(knee: Estimate, points: readonly BudgetPoint[]): { ok: false; error: Fault } | undefined {
  const most = Math.max(...points.map((p) => p.rps))
  if (knee.value > most * MOST_EXTRAPOLATION)
    return weak(
      `at most ${Math.round(most)} requests/s measured, and the knee would lie at ${Math.round(knee.value)}`,
      `load up to a ${MOST_EXTRAPOLATION}th of the knee or more`,
    )
  if (width(knee) > MOST_WIDTH)
    return weak(
      `a knee between ${Math.round(knee.low)} and ${Math.round(knee.high)} requests/s`,
      `bounds within ${percent(MOST_WIDTH)} of it`,
    )
  return undefined
}

const percent = (share: number): string => `${Math.round(share * 100)} %`

const weak = (found: string, wanted: string): { ok: false; error: Fault } =>
  fault('weak-fit', 'CPU budget', wanted, found, 'measure longer, at more loads, on a quieter machine')
