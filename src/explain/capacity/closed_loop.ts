// A closed loop: N askers who each wait for the answer before they ask again. However fast the path, they ask for no
// more than N ÷ (R + Z), with round trip R and think time Z (Little's law, Operations Research 1961).

import type { Estimate } from './estimate.ts'

export type ClosedLoop = {
  readonly askers: number
  readonly roundTripNs: Estimate
  /** Between an answer and the next question. */
  readonly thinkNs?: number
}

const NS = 1e9

/** Requests per second. */
export function closedLoop({ askers, roundTripNs, thinkNs = 0 }: ClosedLoop): Estimate {
  const rate = (r: number): number => (askers * NS) / (r + thinkNs)
  return { value: rate(roundTripNs.value), low: rate(roundTripNs.high), high: rate(roundTripNs.low) }
}
