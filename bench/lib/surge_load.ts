// One step of an open load (bench/traffic/surge_*.c): so many requests a second for so long, whatever comes back.

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import * as v from 'valibot'
import { type SurgeSample, surgeSampleSchema } from '../../src/schema/surge_sample.ts'
import type { Ends } from './traffic.ts'

const program = fileURLToPath(new URL('../../dist/bench-traffic', import.meta.url))
const start = promisify(execFile)

export type Offer = {
  readonly requestsPerSecond: number
  /** What is offered first, for a fifth of the time; the step's own load then has a fifth to settle before it counts. */
  readonly before: number
  readonly ms: number
  readonly seed: number
  readonly arrivals: 'constant' | 'poisson'
  readonly flows: number
}

export type Placing = {
  /** Of the generator alone. */
  readonly generator: number
  /** Of the path and the server. */
  readonly path: readonly number[]
}

export async function offer(ends: Ends, { generator, path }: Placing, order: Offer): Promise<SurgeSample> {
  const { requestsPerSecond, before, ms, seed, arrivals, flows } = order
  const where = [ends.client, ends.server, ends.serverIp, ms, generator, path.join(',')]
  const argv = ['surge', ...where, requestsPerSecond, before, seed, arrivals, flows].map(String)
  const { stdout } = await start(program, argv)
  return v.parse(surgeSampleSchema, JSON.parse(stdout))
}
