// How much the node could carry: from a fit over the parts of the interval if the load varied enough, from what it
// carries now if it is full, from the askers' round trip if that binds. Otherwise it is not known, and why is said.

import type { Advice } from '../../schema/advice.ts'
import { type BudgetFit, fitBudget, USABLE_SHARE } from '../capacity/budget.ts'
import { closedLoop } from '../capacity/closed_loop.ts'
import type { Verdict } from './cause.ts'
import { percent, rate, type Signs } from './signs.ts'

export type Limit = Pick<Advice, 'limit' | 'limitWhy'> & { readonly fit?: BudgetFit }

/** By so much a rate varies at a host that is full. */
const FULL_RATE_VARIES = 0.1

export function limitOf(signs: Signs, { cause }: Verdict, of: 'packets' | 'requests'): Limit {
  const { facts, cores } = signs
  const unit = facts.loop ? 'requests' : of
  if (facts.loop && cause === 'latency')
    return {
      limit: { unit, perSecond: closedLoop(facts.loop) },
      limitWhy: `${facts.loop.askers} askers ÷ round trip`,
    }
  const fit = fitBudget(facts.points, { cores, share: USABLE_SHARE })
  if (fit.ok)
    return { limit: { unit, perSecond: fit.value.kneeRps }, limitWhy: fitWords(fit.value), fit: fit.value }
  const now = facts.loop?.requests ?? (of === 'packets' ? signs.packets : 0)
  if (now > 0 && (cause === 'all-cores' || cause === 'one-core-softirq' || cause === 'connection-setup'))
    return {
      limit: {
        unit,
        perSecond: { value: now, low: now * (1 - FULL_RATE_VARIES), high: now * (1 + FULL_RATE_VARIES) },
      },
      limitWhy: 'it is full now: this is what it carries',
    }
  return { limitWhy: `not known: ${fit.error.found}, and it would take ${fit.error.wanted}` }
}

function fitWords({ points, nsPerRequest, nsPerRequestAtKnee, binds, residualShare }: BudgetFit): string {
  const cost = `${rate(nsPerRequest.value)} ns each at a low load, ${rate(nsPerRequestAtKnee.value)} at the limit`
  const full = binds.what === 'all cores' ? 'all cores are full' : `core ${binds.core} is full`
  return `CPU budget from ${points} points: ${cost}; then ${full} (residuals ${percent(residualShare)})`
}
