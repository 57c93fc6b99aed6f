// How far an answer could be off by chance: the same fit over measurements that are drawn again with the residuals that
// the fit left (B. Efron, «Bootstrap Methods», 1979). Few points leave smaller residuals than they have; that is undone.

import type { Random } from './random.ts'

export const DRAWS = 200

/** The 97.5 % quantile of Student's t, to within 2 % from three degrees of freedom on. */
const studentT = (freedom: number): number => 1.96 + 2.4 / freedom + 3.2 / freedom ** 2

/** A fit by absolute residuals goes through some of the points: what it leaves is smaller still. Found by trying. */
const TOUCHED = 1.1

/** By which a residual of a fit with `parameters` over `points` has to grow. */
export function inflation(points: number, parameters: number): number {
  const freedom = Math.max(1, points - parameters)
  return (TOUCHED * Math.sqrt(points / freedom) * studentT(freedom)) / 1.96
}

/**
 * One draw of all residuals, each with a sign of its own: what pushed one point up could have pushed it down. A point
 * gets its own or a neighbour's, because noise is not the same at a low and at a high load.
 * @param left in the order of the load
 */
export function drawResiduals(
  left: readonly number[],
  parameters: number,
  random: Random,
): readonly number[] {
  const grow = inflation(left.length, parameters)
  return left.map((own, i) => {
    const taken = left[i - 1 + Math.floor(random() * 3)] ?? own
    return (random() < 0.5 ? -1 : 1) * grow * taken
  })
}

/** So many answers of `refit`, without those draws for which it has none. */
export function drawn<T>(
  refit: (residuals: readonly number[]) => T | undefined,
  draw: () => readonly number[],
): readonly T[] {
  return Array.from({ length: DRAWS }, () => refit(draw())).filter((answer) => answer !== undefined)
}
