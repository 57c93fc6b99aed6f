// Something switched on against the same without it, in turns A B B A, so that what drifts falls on both.

import { type Figure, single } from './figures.ts'
import { medianInterval, spreadOf } from './statistics.ts'

/**
 * @param visit measures a rate with it on or off
 * @param tolerance to each side of 1, which the 95 % interval has to touch
 */
export async function onAgainstOff(
  name: string,
  rounds: number,
  tolerance: number,
  visit: (isOn: boolean) => Promise<number>,
): Promise<readonly Figure[]> {
  const ratios: number[] = []
  for (let round = 0; round < rounds; round++) {
    const [a, b, c, d] = [await visit(false), await visit(true), await visit(true), await visit(false)]
    ratios.push((b + c) / (a + d))
  }
  const [low, high] = medianInterval(ratios)
  return [
    { name, unit: 'ratio', ...spreadOf(ratios) },
    { name: `${name}.low95`, unit: 'ratio', ...single(low), goal: { atMost: 1 + tolerance } },
    { name: `${name}.high95`, unit: 'ratio', ...single(high), goal: { atLeast: 1 - tolerance } },
  ]
}
