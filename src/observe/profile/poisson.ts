// How sure a count of samples is. Pure.

const Z = 1.96

/**
 * Bounds of the expected count with a confidence of 95 %, for a count that was seen (Byar's approximation of the exact
 * Poisson interval; within 0.02 of it from one sample on). A share of a sample is taken as it is.
 */
export function poissonInterval(count: number): readonly [low: number, high: number] {
  const edge = (n: number, z: number): number =>
    n <= 0 ? 0 : Math.max(0, n * (1 - 1 / (9 * n) + z / (3 * Math.sqrt(n))) ** 3)
  return [edge(count, -Z), edge(count + 1, Z)]
}

/**
 * Of a time that samples stand for, `ns` their sum and `squares` the sum of their squares: as many equal samples as are
 * as sure. Without a sample, of `oneNs`.
 */
export function timeInterval(
  ns: number,
  squares: number,
  oneNs: number,
): { readonly lowNs: number; readonly highNs: number } {
  const eachNs = ns > 0 ? squares / ns : oneNs
  const [low, high] = poissonInterval(eachNs > 0 ? ns / eachNs : 0)
  return { lowNs: low * eachNs, highNs: high * eachNs }
}
