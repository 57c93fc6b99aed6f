// The passes: in each, every rung of the ladder visits all paths in an order that turns, so that what the machine does
// besides falls on all of them.

import { offer, type Placing } from './lib/surge_load.ts'
import type { Candidate } from './paths_candidates.ts'
import { type Ladder, ladderTo } from './surge_ladder.ts'
import { restWithin } from './surge_rest.ts'
import { FIRST, roughKnee } from './surge_search.ts'
import type { StageSampler } from './surge_stages.ts'
import { type Step, stepOf } from './surge_steps.ts'

/** Flows of a path: a core's programs and tables do not know it by one entry, and several cores could share it. */
export const FLOWS = 16
const SEARCH_MS = 250

export type PassOptions = {
  readonly candidates: readonly Candidate[]
  readonly placing: Placing
  readonly arrivals: 'constant' | 'poisson'
  readonly passes: number
  readonly ms: number
  readonly short: boolean
  readonly stages: StageSampler | undefined
  /** To wait for cores at rest before a step is made again. */
  readonly patienceSeconds: number
}
/** Steps in the order of the ladder, pass by pass. */
export type PathRun = { readonly path: string; readonly passes: readonly (readonly Step[])[] }

export async function runPasses(options: PassOptions): Promise<readonly PathRun[]> {
  const { candidates, passes, short } = options
  const paths: { candidate: Candidate; ladder: Ladder; passes: Step[][] }[] = []
  for (const candidate of candidates) {
    const rough = await roughKnee((rate) => oneStep(options, candidate, rate, rate, SEARCH_MS))
    if (rough === undefined)
      throw new Error(
        `${candidate.name}: not even ${FIRST} requests a second are served; others use the cores, or the path is broken`,
      )
    console.error(`${candidate.name} carries about ${Math.round(rough / 100) / 10}k requests a second`)
    paths.push({ candidate, ladder: ladderTo(rough, short), passes: [] })
  }
  for (let pass = 0; pass < passes; pass++) {
    for (const path of paths) path.passes.push([])
    const rungs = paths[0]?.ladder.length ?? 0
    for (let rung = 0; rung < rungs; rung++)
      for (const { candidate, ladder, passes: done } of turned(paths, pass + rung)) {
        const { direction = 'up', requestsPerSecond = 1 } = ladder[rung] ?? {}
        const before = ladder[rung - 1]?.requestsPerSecond ?? requestsPerSecond
        const step = await oneStep(
          options,
          candidate,
          requestsPerSecond,
          before,
          options.ms,
          pass * rungs + rung,
        )
        done[pass]?.push({ ...step, direction })
      }
    console.error(`pass ${pass + 1} of ${passes}`)
  }
  return paths.map(({ candidate, passes: done }) => ({ path: candidate.name, passes: done }))
}

const TRIES = 3

/** Again where the generator was late: a core that was taken away for a moment is not its limit. */
async function oneStep(
  { placing, arrivals, stages, patienceSeconds }: PassOptions,
  { ends }: Candidate,
  requestsPerSecond: number,
  before: number,
  ms: number,
  seed = 0,
): Promise<Step> {
  const order = { requestsPerSecond, before, ms, seed: seed + 1, arrivals, flows: FLOWS }
  const once = async (): Promise<Step> => {
    stages?.take()
    const sample = await offer(ends, placing, order)
    return stepOf(sample, 'up', stages?.take())
  }
  let step = await once()
  for (let tries = 1; tries < TRIES && step.generatorIsLimit; tries++) {
    await restWithin(patienceSeconds)
    step = await once()
  }
  return step
}

const turned = <T>(all: readonly T[], by: number): readonly T[] =>
  all.map((_, i) => all[(i + by) % all.length]).filter((one) => one !== undefined)
