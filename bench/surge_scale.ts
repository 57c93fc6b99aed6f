// Whether more cores for a node, or more nodes, move the knee: for a surge of many flows and for one that is a single
// flow. Needs cores of its own for each path and each generator: on a machine with fewer than six it is not measured.

import { cpus } from 'node:os'
import { printTable } from './lib/figures.ts'
import { offer, type Placing } from './lib/surge_load.ts'
import type { Candidate } from './paths_candidates.ts'
import { isServed } from './surge_knee.ts'
import { FLOWS } from './surge_passes.ts'
import { roughKnee } from './surge_search.ts'
import { steer } from './surge_steering.ts'
import { type Step, stepOf } from './surge_steps.ts'

export const CORES_NEEDED = 6
const PATHS = ['flannel', 'fast-vxlan']
const PATH_CORES = [1, 2, 4]
const MOST_PAIRS = 3
const MS = 200

export type ScaleRow = {
  readonly way: 'scale-up' | 'scale-out'
  readonly path: string
  /** Of the one path, or pairs of nodes with a core each. */
  readonly count: number
  readonly flows: number
  /** Of all pairs together. */
  readonly kneeRps: number
}
export type Scale =
  | { readonly measured: false; readonly why: string }
  | { readonly measured: true; readonly cores: number; readonly rows: readonly ScaleRow[] }

const pairCount = (cores: number): number => Math.max(2, Math.min(MOST_PAIRS, Math.floor(cores / 2)))

/** The pairs that it needs beside the paths' own. */
export const scaleNames = (): readonly string[] =>
  PATHS.flatMap((path) => Array.from({ length: pairCount(cpus().length) - 1 }, (_, i) => `${path}-${i + 2}`))

export const notMeasured = (): Scale => ({ measured: false, why: `not measured: ${cpus().length} cores` })

/** With fewer cores than needed some are shared, and the figures say so by themselves. */
export async function measureScale(candidates: readonly Candidate[]): Promise<Scale> {
  const cores = cpus().length
  const rows: ScaleRow[] = []
  for (const path of PATHS) {
    const pairs = candidates.filter(({ name }) => name === path || name.startsWith(`${path}-`))
    const [first] = pairs
    if (!first) continue
    for (const flows of [1, FLOWS])
      for (const count of PATH_CORES.filter((n) => n <= Math.max(2, cores - 1))) {
        const placing = { generator: cores - 1, path: Array.from({ length: count }, (_, i) => i % cores) }
        rows.push({
          way: 'scale-up',
          path,
          count,
          flows,
          kneeRps: await kneeOfAll([first], [placing], flows),
        })
      }
    for (let count = 1; count <= pairs.length; count++) {
      const used = pairs.slice(0, count)
      const placings = used.map((_, i) => ({ generator: (2 * i + 1) % cores, path: [(2 * i) % cores] }))
      const kneeRps = (await kneeOfAll(used, placings, FLOWS)) * count
      rows.push({ way: 'scale-out', path, count, flows: FLOWS * count, kneeRps })
    }
  }
  return { measured: true, cores, rows }
}

/** The load that each of the pairs carries at once; 0 where none does. */
async function kneeOfAll(
  pairs: readonly Candidate[],
  placings: readonly Placing[],
  flows: number,
): Promise<number> {
  const places = pairs.flatMap((pair, i) => {
    const placing = placings[i]
    return placing ? [{ pair, placing }] : []
  })
  for (const { pair, placing } of places) steer(pair, placing)
  const knee = await roughKnee(async (rate) => {
    const order = {
      requestsPerSecond: rate,
      before: rate,
      ms: MS,
      seed: 1,
      arrivals: 'poisson',
      flows,
    } as const
    const samples = await Promise.all(places.map(({ pair, placing }) => offer(pair.ends, placing, order)))
    return worst(samples.map((sample) => stepOf(sample, 'up')))
  })
  return knee ?? 0
}

function worst(steps: readonly Step[]): Step {
  const found = steps.find((step) => !isServed(step)) ?? steps[0]
  if (!found) throw new Error('no pair was measured')
  return found
}

export function printScale(scale: Scale): void {
  if (!scale.measured) {
    console.log(
      `\nMore cores or more nodes: ${scale.why}, ${CORES_NEEDED} are needed (--scale: with what there are)`,
    )
    return
  }
  const short = scale.cores < CORES_NEEDED ? `: only ${scale.cores}, shared, so nothing is shown by it` : ''
  printTable(
    [`more cores or nodes${short}`, 'path', 'cores or pairs', 'flows', 'knee/s', 'of one'],
    scale.rows.map((row) => {
      const one = scale.rows.find(
        (r) =>
          r.way === row.way &&
          r.path === row.path &&
          r.count === 1 &&
          (r.flows === row.flows || r.way === 'scale-out'),
      )
      const times = one && one.kneeRps > 0 ? (row.kneeRps / one.kneeRps).toFixed(2) : ''
      return [row.way, row.path, String(row.count), String(row.flows), String(Math.round(row.kneeRps)), times]
    }),
  )
}
