// Linear regression that a spoilt point cannot bend: least squares, done again with less weight on what lies far off
// (Huber's weights; P. J. Huber, «Robust Estimation of a Location Parameter», 1964).

import { median } from '../../base/quantile.ts'

/** The values of one point's terms, in the order of the coefficients. */
export type Terms = readonly number[]

const ROUNDS = 12
/** Coefficients that change by no larger share are found. */
const SETTLED = 1e-4
/** Beyond so many standard deviations a point counts less: the usual value, 95 % as good as least squares on clean data. */
const FAR = 1.345
/** From a median of absolute residuals to a standard deviation, for normal ones. */
const TO_DEVIATION = 1.4826

/** Coefficients c with values ≈ Σ terms × c; undefined where the terms do not tell them apart. */
export function fitRobust(terms: readonly Terms[], values: readonly number[]): readonly number[] | undefined {
  let weights: readonly number[] = values.map(() => 1)
  let found: readonly number[] | undefined
  for (let round = 0; round < ROUNDS; round++) {
    const next = leastSquares(terms, values, weights)
    if (!next) return found
    const isSettled = found?.every((c, j) => Math.abs(c - (next[j] ?? 0)) <= SETTLED * Math.abs(c)) === true
    found = next
    if (isSettled) return found
    const off = residuals(terms, values, found).map(Math.abs)
    const deviation = median(off) * TO_DEVIATION
    if (deviation === 0) return found
    weights = off.map((r) => (r <= FAR * deviation ? 1 : (FAR * deviation) / r))
  }
  return found
}

export const predicted = (terms: Terms, coefficients: readonly number[]): number =>
  terms.reduce((sum, term, i) => sum + term * (coefficients[i] ?? 0), 0)

export const residuals = (
  terms: readonly Terms[],
  values: readonly number[],
  coefficients: readonly number[],
): readonly number[] => values.map((value, i) => value - predicted(terms[i] ?? [], coefficients))

function leastSquares(
  terms: readonly Terms[],
  values: readonly number[],
  weights: readonly number[],
): readonly number[] | undefined {
  const count = terms[0]?.length ?? 0
  // Nanoseconds beside ones: without a common size the rest of a subtraction is rounding.
  const size = Array.from(
    { length: count },
    (_, j) => Math.max(...terms.map((t) => Math.abs(t[j] ?? 0))) || 1,
  )
  const matrix = size.map(() => new Array<number>(count + 1).fill(0))
  for (const [i, row] of terms.entries()) {
    const scaled = [...row.map((term, j) => term / (size[j] ?? 1)), values[i] ?? 0]
    for (const [j, sums] of matrix.entries()) {
      const weighted = (weights[i] ?? 0) * (scaled[j] ?? 0)
      for (let k = 0; k <= count; k++) sums[k] = (sums[k] ?? 0) + weighted * (scaled[k] ?? 0)
    }
  }
  return solve(matrix)?.map((c, j) => c / (size[j] ?? 1))
}

/** Gauss's elimination of rows that each end in their right-hand side. */
function solve(matrix: number[][]): readonly number[] | undefined {
  const n = matrix.length
  for (let i = 0; i < n; i++) {
    const rest = matrix.slice(i)
    const best = rest.reduce((a, b) => (Math.abs(b[i] ?? 0) > Math.abs(a[i] ?? 0) ? b : a), rest[0] ?? [])
    const head = best[i] ?? 0
    if (Math.abs(head) < 1e-12) return undefined
    matrix.splice(matrix.indexOf(best), 1)
    matrix.splice(i, 0, best)
    for (const [k, row] of matrix.entries()) {
      if (k === i) continue
      const factor = (row[i] ?? 0) / head
      matrix[k] = row.map((cell, j) => cell - factor * (best[j] ?? 0))
    }
  }
  return matrix.map((row, i) => (row[n] ?? 0) / (row[i] ?? 1))
}
