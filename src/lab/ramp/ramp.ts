// A load that rises step by step until the path does not keep up, and then halves the gap between the last step that
// was served and the first that was not. A step that is not served is made again: another process, or the host of a
// virtual machine, may have had the core for some milliseconds, and nothing makes a step better than the path is.

import { ok, type Result } from '../../base/result.ts'
import type { RampStep } from '../../schema/ramp.ts'

export type RampOptions = {
  readonly firstRps: number
  readonly offer: (rps: number, before: number, seed: number) => Promise<Result<RampStep>>
  readonly isServed: (step: RampStep) => boolean
  readonly onStep: (step: RampStep) => void
}

const GROWTH = 1.3
const MOST_STEPS = 30
const UNSERVED_IN_A_ROW = 2
const HALVINGS = 3
const TRIES = 4

export async function ramp(options: RampOptions): Promise<Result<readonly RampStep[]>> {
  const steps: RampStep[] = []
  const take = async (rps: number): Promise<Result<RampStep>> => {
    const before = steps.at(-1)?.offered ?? rps
    const seed = steps.length * TRIES + 1
    let step = await options.offer(rps, before, seed)
    for (let tries = 1; tries < TRIES && step.ok && !options.isServed(step.value); tries++)
      step = await options.offer(rps, before, seed + tries)
    if (step.ok) {
      steps.push(step.value)
      options.onStep(step.value)
    }
    return step
  }
  let unserved = 0
  for (let rps = options.firstRps; steps.length < MOST_STEPS && unserved < UNSERVED_IN_A_ROW; rps *= GROWTH) {
    const step = await take(rps)
    if (!step.ok) return step
    unserved = options.isServed(step.value) ? 0 : unserved + 1
  }
  let [low, high] = gapOf(steps, options.isServed)
  for (let i = 0; i < HALVINGS && low > 0; i++) {
    const step = await take((low + high) / 2)
    if (!step.ok) return step
    if (options.isServed(step.value)) low = step.value.offered
    else high = step.value.offered
  }
  return ok(steps)
}

export type Looks<Look> = {
  readonly loads: readonly number[]
  readonly rounds: number
  /** At a load, with a number of its own. */
  readonly look: (load: number, seed: number) => Promise<Result<Look>>
  /** When a round begins, from 1 on. */
  readonly onRound: (round: number) => void
}

/** Each load so many times, all of them in turns. @returns the looks at each, in the order of the loads */
export async function lookAt<Look>({
  loads,
  rounds,
  look,
  onRound,
}: Looks<Look>): Promise<Result<readonly (readonly Look[])[]>> {
  const looks: Look[][] = loads.map(() => [])
  for (let round = 0; round < rounds; round++) {
    onRound(round + 1)
    for (const [i, load] of loads.entries()) {
      const taken = await look(load, round * loads.length + i + 1)
      if (!taken.ok) return taken
      looks[i]?.push(taken.value)
    }
  }
  return ok(looks)
}

/** The largest load that was served, and the smallest above it. */
function gapOf(steps: readonly RampStep[], isServed: (s: RampStep) => boolean): [low: number, high: number] {
  const low = Math.max(0, ...steps.filter(isServed).map((s) => s.offered))
  return [low, Math.min(...steps.map((s) => s.offered).filter((rps) => rps > low))]
}
