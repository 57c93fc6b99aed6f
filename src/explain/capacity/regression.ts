// Linear regression that a spoilt point cannot bend: least squares, done again with less weight on what lies far off
// (Huber's weights; P. J. Huber, «Robust Estimation of a Location Parameter», 1964). It runs thousands of times for one
// interval, in the thread that also serves pods: hence loops over typed arrays.

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
  const columns = columnsOf(terms)
  const weights = new Float64Array(values.length).fill(1)
  const off = new Float64Array(values.length)
  const sorted = new Float64Array(values.length)
  let found: readonly number[] | undefined
  for (let round = 0; round < ROUNDS; round++) {
    const next = leastSquares(columns, values, weights)
    if (!next) return found
    const isSettled = found?.every((c, j) => Math.abs(c - (next[j] ?? 0)) <= SETTLED * Math.abs(c)) === true
    found = next
    if (isSettled) return found
    for (let i = 0; i < off.length; i++)
      off[i] = Math.abs((values[i] ?? 0) - predicted(terms[i] ?? [], found))
    const bound = FAR * TO_DEVIATION * medianOf(off, sorted)
    if (bound === 0) return found
    for (let i = 0; i < off.length; i++) weights[i] = Math.min(1, bound / (off[i] || bound))
  }
  return found
}

export function predicted(terms: Terms, coefficients: readonly number[]): number {
  let sum = 0
  for (let j = 0; j < terms.length; j++) sum += (terms[j] ?? 0) * (coefficients[j] ?? 0)
  return sum
}

export const residuals = (
  terms: readonly Terms[],
  values: readonly number[],
  coefficients: readonly number[],
): readonly number[] => values.map((value, i) => value - predicted(terms[i] ?? [], coefficients))

/** @param sorted room of the same length */
function medianOf(values: Float64Array, sorted: Float64Array): number {
  sorted.set(values)
  sorted.sort()
  const half = sorted.length / 2
  return ((sorted[Math.ceil(half) - 1] ?? 0) + (sorted[Math.floor(half)] ?? 0)) / 2
}

/** Nanoseconds beside ones: without a common size the rest of a subtraction is rounding. */
type Column = { readonly size: number; readonly scaled: Float64Array }

const columnsOf = (terms: readonly Terms[]): readonly Column[] =>
  (terms[0] ?? []).map((_, j) => {
    const size = Math.max(...terms.map((t) => Math.abs(t[j] ?? 0))) || 1
    return { size, scaled: Float64Array.from(terms, (t) => (t[j] ?? 0) / size) }
  })

function leastSquares(
  columns: readonly Column[],
  values: readonly number[],
  weights: Float64Array,
): readonly number[] | undefined {
  const [first, second, third] = columns
  if (first && second && !third) return leastSquaresOfTwo(first, second, values, weights)
  const matrix = columns.map(({ scaled: a }) => {
    const row = columns.map(({ scaled: b }) => weightedSum(a, b, weights))
    row.push(weightedSum(a, values, weights))
    return row
  })
  return solve(matrix)?.map((c, j) => c / (columns[j]?.size ?? 1))
}

/** Cramer's rule: most fits have two terms. */
function leastSquaresOfTwo(
  first: Column,
  second: Column,
  values: readonly number[],
  weights: Float64Array,
): readonly number[] | undefined {
  const [p, q] = [first.scaled, second.scaled]
  const [pp, pq, qq] = [weightedSum(p, p, weights), weightedSum(p, q, weights), weightedSum(q, q, weights)]
  const [pv, qv] = [weightedSum(p, values, weights), weightedSum(q, values, weights)]
  const determinant = pp * qq - pq * pq
  if (Math.abs(determinant) < 1e-12 * pp * qq) return undefined
  return [(pv * qq - qv * pq) / determinant / first.size, (qv * pp - pv * pq) / determinant / second.size]
}

function weightedSum(a: ArrayLike<number>, b: ArrayLike<number>, weights: Float64Array): number {
  let sum = 0
  for (let i = 0; i < weights.length; i++) sum += (weights[i] ?? 0) * (a[i] ?? 0) * (b[i] ?? 0)
  return sum
}

/** Gauss's elimination of rows that each end in their right-hand side; there are three at most. */
function solve(matrix: number[][]): readonly number[] | undefined {
  const n = matrix.length
  for (let i = 0; i < n; i++) {
    const rest = matrix.slice(i)
    const best = rest.reduce((a, b) => (Math.abs(b[i] ?? 0) > Math.abs(a[i] ?? 0) ? b : a), rest[0] ?? [])
    const head = best[i] ?? 0
    if (Math.abs(head) < 1e-12) return undefined
    matrix.splice(matrix.indexOf(best), 1)
    matrix.splice(i, 0, best)
    for (const row of matrix) {
      if (row === best) continue
      const factor = (row[i] ?? 0) / head
      for (let j = 0; j <= n; j++) row[j] = (row[j] ?? 0) - factor * (best[j] ?? 0)
    }
  }
  return matrix.map((row, i) => (row[n] ?? 0) / (row[i] ?? 1))
}
