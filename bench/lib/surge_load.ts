// One step of an open load (bench/traffic/surge_*.c): so many requests a second for so long, whatever comes back.

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import * as v from 'valibot'
import type { Ends } from './traffic.ts'

const program = fileURLToPath(new URL('../../dist/bench-traffic', import.meta.url))
const start = promisify(execFile)

const coreSchema = v.strictObject({
  cpu: v.number(),
  elapsedUs: v.number(),
  /** By the kernel's idle time, to the nanosecond where /proc/timer_list can be read, else in ticks of 10 ms. */
  busyUs: v.number(),
  /** These three by what the timer's interrupt met, 250 to 1,000 times a second. */
  userUs: v.number(),
  systemUs: v.number(),
  softirqUs: v.number(),
  /** Packets that the core's backlog had no room for, and runs of its softirq that ended with work left. */
  dropped: v.number(),
  squeezed: v.number(),
})
const sampleSchema = v.strictObject({
  seconds: v.number(),
  /** Requests on the schedule of that time; those that left in it; those answered, up to 0.1 s after it. */
  due: v.number(),
  sent: v.number(),
  answered: v.number(),
  /** From the intended start. 3 % exact. */
  p50Us: v.number(),
  p99Us: v.number(),
  p999Us: v.number(),
  /** How long after its intended start a request left. */
  lateP50Us: v.number(),
  lateP99Us: v.number(),
  lateMostUs: v.number(),
  /** The generator's core, then the server's. */
  cores: v.array(coreSchema),
})
export type SurgeSample = v.InferOutput<typeof sampleSchema>
export type CoreTime = v.InferOutput<typeof coreSchema>

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
  return v.parse(sampleSchema, JSON.parse(stdout))
}
