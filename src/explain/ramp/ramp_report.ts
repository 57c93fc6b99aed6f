// Two ramps of one pair of pods, by either lane → what each carries, what its low loads had predicted, and whether «a
// faster path helps» has come true. Pure.

import { faultText } from '../../base/result.ts'
import type { Between, LaneRamp, RampReport, RampStep } from '../../schema/ramp.ts'
import { fitBudget, USABLE_SHARE } from '../capacity/budget.ts'
import { askersWords } from './askers.ts'
import { KNOWN_SHARE } from './low_loads.ts'
import { adviceAtLimit } from './ramp_advice.ts'
import { pointOf } from './ramp_point.ts'

/** Served: nearly all answered, and in no more time than a full backlog takes. */
const SERVED_SHARE = 0.99
const P99_BOUND_US = 5_000
/** What a prediction may be off by and still be called right. */
const NEAR = 0.15

/** Less is within what two runs differ by. */
const WORTH = 1.03

export const isServed = (step: RampStep): boolean =>
  step.served >= SERVED_SHARE * step.offered && step.p99Us < P99_BOUND_US

/** The largest offered load that was served: 0 if none was. */
export function reachedBy(steps: readonly RampStep[]): LaneRamp['reached'] {
  const rising = [...steps].sort((a, b) => a.offered - b.offered)
  const last = rising.findLastIndex(isServed)
  const next = rising[last + 1]
  return { rps: rising[last]?.offered ?? 0, orAbove: last >= 0 && (!next || next.generatorIsLimit) }
}

/**
 * @param steps up to the limit and beyond
 * @param looks at low loads, of which only those below three quarters of the limit are shown to the model
 * @param cores of the path alone
 */
export function laneRamp(
  lane: LaneRamp['lane'],
  steps: readonly RampStep[],
  looks: readonly RampStep[],
  cores: number,
): LaneRamp {
  const reached = reachedBy(steps)
  const low = looks.filter((s) => s.offered < reached.rps * KNOWN_SHARE && !s.generatorIsLimit)
  const fit = fitBudget(low.map(pointOf), { cores, share: USABLE_SHARE })
  if (!fit.ok) return { lane, steps, low, reached, predicted: { refused: faultText(fit.error) } }
  const { kneeRps: predicted, nsPerRequestAtKnee: nsPerRequest } = fit.value
  return { lane, steps, low, reached, predicted, nsPerRequest }
}

type Named = Pick<RampReport, 'from' | 'to' | 'path' | 'cores'>

export function rampReport(named: Named, lanes: readonly LaneRamp[]): RampReport {
  const plain = lanes.find((l) => l.lane === 'plain')
  const fast = lanes.find((l) => l.lane === 'fast')
  const gain = plain && fast && plain.reached.rps > 0 ? gainOf(plain, fast) : undefined
  const advice = plain && fast && adviceAtLimit(named.path, plain, fast)
  return {
    ...named,
    lanes,
    ...(gain ? { gain } : {}),
    words: [
      gain
        ? verdictWords(gain, plain, fast)
        : 'Nothing can be said: not even the smallest load was served in time.',
      ...lanes.map(laneWords),
      ...lanes.flatMap(({ lane, askers }) => (askers ? [askersWords(lane, askers)] : [])),
    ],
    ...(advice ? { advice } : {}),
  }
}

function gainOf(plain: LaneRamp, fast: LaneRamp): NonNullable<RampReport['gain']> {
  const reached = fast.reached.rps / plain.reached.rps
  // What a generator that was late did not find says nothing of a prediction.
  if (plain.reached.orAbove || fast.reached.orAbove) return { reached }
  if ('refused' in plain.predicted || 'refused' in fast.predicted) return { reached }
  const predicted = ratio(fast.predicted, plain.predicted)
  const isBetween = predicted.low <= reached && reached <= predicted.high
  return { reached, predicted, held: isBetween || Math.abs(predicted.value / reached - 1) <= NEAR }
}

const ratio = (a: Between, b: Between): Between => ({
  value: a.value / b.value,
  low: a.low / b.high,
  high: a.high / b.low,
})

function verdictWords(
  { reached, predicted, held }: NonNullable<RampReport['gain']>,
  plain?: LaneRamp,
  fast?: LaneRamp,
): string {
  if (plain?.reached.orAbove)
    return 'Nothing can be said: the generator was late before the plain lane was full; something else keeps the machine busy.'
  const more = fast?.reached.orAbove ? ' or more (the generator was the limit)' : ''
  const carries =
    reached >= WORTH
      ? `A faster lane helps: the fast lane carried ${times(reached)}${more} what the plain one carried`
      : `The fast lane did not help: it carried ${times(reached)} what the plain one carried`
  if (!predicted) return `${carries}; nothing was predicted.`
  const said = `predicted from loads below three quarters of it: ${times(predicted.value)} (${predicted.low.toFixed(2)} – ${predicted.high.toFixed(2)})`
  return `${carries}; ${said}, ${held ? 'which held' : 'which did NOT hold'}.`
}

const times = (factor: number): string => `${factor.toFixed(2)} times`
const count = (n: number): string => Math.round(n).toLocaleString('en')

function laneWords({ lane, reached, predicted, nsPerRequest }: LaneRamp): string {
  const most = `${lane} lane: ${count(reached.rps)} requests a second reached${reached.orAbove ? ' or more' : ''}`
  if ('refused' in predicted) return `${most}; not predicted: ${predicted.refused}`
  const off = reached.rps > 0 ? ` (off by ${percent(predicted.value / reached.rps - 1)})` : ''
  const cost = nsPerRequest ? `; ${count(nsPerRequest.value)} ns each at the limit` : ''
  return `${most}, ${count(predicted.value)} predicted${off}, bounds ${count(predicted.low)} – ${count(predicted.high)}${cost}`
}

const percent = (share: number): string => `${share > 0 ? '+' : ''}${Math.round(share * 100)} %`
