// Noise for synthetic measurements with known parameters.

import type { Random } from '../random.ts'

/** Standard normal, by Box and Muller. */
export const normal = (random: Random): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
