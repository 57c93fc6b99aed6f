// The spread of what a fit left, as a standard deviation that a quarter of spoilt points does not reach.

import { quantile } from '../../base/quantile.ts'

/** Of normal values three quarters lie within so many standard deviations. */
const THREE_QUARTERS = 1.15

export function residualSpread(left: readonly number[], parameters: number): number {
  const freedom = Math.max(1, left.length - parameters)
  return (quantile(left.map(Math.abs), 0.75) / THREE_QUARTERS) * Math.sqrt(left.length / freedom)
}
