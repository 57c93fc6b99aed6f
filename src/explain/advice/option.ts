// How an option is said. A factor counts against what the node carries at its present limit; without evidence for one it is
// «not known», never a guess.

import type { AdviceOption, Cause } from '../../schema/advice.ts'
import type { Estimate } from '../capacity/estimate.ts'
import type { Signs } from './signs.ts'

export type Situation = {
  readonly signs: Signs
  /** What binds, or would bind next where nothing does now and a fit tells it. */
  readonly binding: Cause
}

/** Less is not worth a change. */
const WORTH = 1.03

export const helps = (name: string, factor: Estimate, why: string): AdviceOption => ({
  name,
  answer: factor.value >= WORTH ? 'helps' : factor.high >= WORTH ? 'not known' : 'does not help',
  factor,
  why,
})

/** At most so many times, and perhaps not at all. */
export const atMost = (name: string, most: number, why: string): AdviceOption => ({
  name,
  answer: most >= WORTH ? 'not known' : 'does not help',
  factor: { low: 1, high: most },
  why,
})

const ONE: Estimate = { value: 1, low: 1, high: 1 }

export const useless = (name: string, why: string): AdviceOption => ({
  name,
  answer: 'does not help',
  factor: ONE,
  why,
})
export const unknown = (name: string, why: string): AdviceOption => ({ name, answer: 'not known', why })
export const impossible = (name: string, why: string): AdviceOption => ({ name, answer: 'not possible', why })

/** Where CPU time is not what binds, no saving of it is worth anything. */
export const isCpuBound = (cause: Cause): boolean =>
  cause === 'all-cores' || cause === 'one-core-softirq' || cause === 'connection-setup'

export function notCpu(cause: Cause): string {
  if (cause === 'latency') return 'the askers wait for round trips, not for CPU time'
  if (cause === 'one-core-thread') return 'one thread of an application fills its core, whatever packets cost'
  if (cause === 'nothing') return 'nothing binds now'
  return 'packets or connections are lost for want of room, not of CPU time'
}
