// What a path roughly carries, in a few short steps: upwards until two are not served, then between the last two that say.

import { isServed } from './surge_knee.ts'
import type { Step } from './surge_steps.ts'

export const FIRST = 4_000
const FACTOR = 1.5
const MOST = 400_000
const HALVINGS = 3
const TRIES = 3

/**
 * @param tryLoad one short step
 * @returns requests a second; undefined where not even a few thousand are served
 */
export async function roughKnee(
  tryLoad: (requestsPerSecond: number) => Promise<Step>,
): Promise<number | undefined> {
  // On a machine that others use a step may fail for no fault of the path, and the next one with it.
  const carries = async (rate: number): Promise<boolean> => {
    for (let i = 0; i < TRIES; i++) if (isServed(await tryLoad(rate))) return true
    return false
  }
  let served = 0
  // Two in a row: what others do for a moment must not make the whole ladder too low.
  for (let rate = FIRST; rate < MOST && rate <= Math.max(FIRST, served) * FACTOR ** 2; rate *= FACTOR)
    if (await carries(rate)) served = rate
  if (served === 0) return undefined
  let refused = served * FACTOR
  for (let i = 0; i < HALVINGS; i++) {
    const middle = Math.sqrt(served * refused)
    if (await carries(middle)) served = middle
    else refused = middle
  }
  return Math.sqrt(served * refused)
}
