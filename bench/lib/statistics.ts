// Quantiles, and how a figure spreads over the rounds of a bench. PURE.

import { median, quantile } from '../../src/base/quantile.ts'

export { median, quantile }

export type Spread = { readonly value: number; readonly q25: number; readonly q75: number }

/** The median of one value per round, and the quartiles round it. */
export const spreadOf = (perRound: readonly number[]): Spread => ({
  value: median(perRound),
  q25: quantile(perRound, 0.25),
  q75: quantile(perRound, 0.75),
})

/** A quantile of all samples, with the quartiles of the same quantile round by round. */
export function pooled(rounds: readonly (readonly number[])[], q: number): Spread {
  const perRound = rounds.map((samples) => quantile(samples, q))
  return {
    value: quantile(rounds.flat(), q),
    q25: quantile(perRound, 0.25),
    q75: quantile(perRound, 0.75),
  }
}

/** Of each round `of` divided by `by`: medians of the samples of that round. */
export const ratioSpread = (of: readonly (readonly number[])[], by: readonly (readonly number[])[]): Spread =>
  spreadOf(of.map((samples, i) => median(samples) / median(by[i] ?? [])))

const NORMAL_95 = 1.96

/** Bounds between which the median lies with a confidence of 95 %, by the binomial ranks of the samples. */
export function medianInterval(samples: readonly number[]): readonly [low: number, high: number] {
  const sorted = [...samples].sort((a, b) => a - b)
  const half = sorted.length / 2
  const reach = (NORMAL_95 * Math.sqrt(sorted.length)) / 2
  const low = sorted[Math.max(0, Math.floor(half - reach))] ?? Number.NaN
  return [low, sorted[Math.min(sorted.length - 1, Math.ceil(half + reach))] ?? low]
}
