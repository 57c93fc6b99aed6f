// A figure and the bounds between which it lies with a confidence of 95 %. What is worked out of several of them keeps
// bounds that are never narrower than theirs.

import { quantile } from '../../base/quantile.ts'

export type Estimate = { readonly value: number; readonly low: number; readonly high: number }

/** A figure that is counted, not estimated. */
export const exact = (value: number): Estimate => ({ value, low: value, high: value })

/** Round `value`, from how it came out of `draws` that differ by chance as the measurements do. */
export function fromDraws(value: number, draws: readonly number[]): Estimate {
  if (draws.length === 0) return { value, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY }
  return {
    value,
    low: Math.min(value, quantile(draws, 0.025)),
    high: Math.max(value, quantile(draws, 0.975)),
  }
}

/** `f` must not turn round between the bounds: then theirs are its own. */
export function mapped(of: Estimate, f: (value: number) => number): Estimate {
  const ends = [f(of.low), f(of.high)]
  return { value: f(of.value), low: Math.min(...ends), high: Math.max(...ends) }
}

/** How wide the bounds are, as a share of the figure. */
export const width = ({ value, low, high }: Estimate): number =>
  value === 0 ? Number.POSITIVE_INFINITY : (high - low) / Math.abs(value)
