// One step of a load between two pods, by the traffic generator of bench/traffic. Open: requests leave by a schedule that
// does not wait for answers, and a latency counts from when the request should have left. Closed: askers who wait.

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import * as v from 'valibot'
import { fault, ok, type Result } from '../../base/result.ts'
import type { AskersPoint, RampStep } from '../../schema/ramp.ts'
import { type SurgeSample, surgeSampleSchema } from '../../schema/surge_sample.ts'
import type { Ends } from './ends.ts'

const CANDIDATES = ['./bench-traffic', '../../../dist/bench-traffic']

export type Placing = {
  /** Of the generator alone: it spins. */
  readonly generator: number
  /** Of the path and the server. */
  readonly path: readonly number[]
}
export type Offer = {
  readonly rps: number
  readonly before: number
  readonly ms: number
  readonly seed: number
}

/** Many enough to spread over queues, few enough to be read in turn. */
const FLOWS = 16
/** A request that leaves later than this has waited for the generator, not for the path. */
const LATE_US = 1_000
const UNSENT_SHARE = 0.001

export function generatorProgram(): Result<string> {
  const paths = CANDIDATES.map((c) => fileURLToPath(new URL(c, import.meta.url)))
  const found = paths.find((path) => existsSync(path))
  if (found !== undefined) return ok(found)
  return fault(
    'bench',
    'the traffic generator',
    'dist/bench-traffic',
    'none',
    'run «make dist/bench-traffic» in the sources',
  )
}

export async function offer(
  program: string,
  ends: Ends,
  placing: Placing,
  { rps, before, ms, seed }: Offer,
): Promise<Result<RampStep>> {
  const load = [Math.round(rps), Math.round(before), seed, 'poisson', FLOWS]
  const sample = await sampleOf(program, ends, placing, ms, load)
  return sample.ok ? ok(stepOf(sample.value)) : sample
}

/** @param askers who each wait for their answer before they ask again; at most 64 */
export async function ask(
  program: string,
  ends: Ends,
  placing: Placing,
  { askers, ms }: { readonly askers: number; readonly ms: number },
): Promise<Result<AskersPoint>> {
  const sample = await sampleOf(program, ends, placing, ms, [1, 1, 1, 'closed', askers])
  if (!sample.ok) return sample
  const { answered, seconds, p50Us } = sample.value
  return ok({ askers, rps: answered / seconds, p50Us })
}

async function sampleOf(
  program: string,
  ends: Ends,
  { generator, path }: Placing,
  ms: number,
  load: readonly (number | string)[],
): Promise<Result<SurgeSample>> {
  const where = [ends.client, ends.server, ends.address, Math.round(ms), generator, path.join(',')]
  try {
    const { stdout } = await promisify(execFile)(program, ['surge', ...where, ...load].map(String))
    const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), surgeSampleSchema), stdout)
    return parsed.success ? ok(parsed.output) : failed(parsed.issues[0].message)
  } catch (error) {
    return failed(String(error))
  }
}

const failed = (found: string): Result<never> =>
  fault(
    'bench',
    'the traffic generator',
    'a line of figures',
    found,
    'see «podlane lab status» and «podlane lab check»',
  )

function stepOf({ seconds, due, sent, answered, ...sample }: SurgeSample): RampStep {
  const path = sample.cores.slice(1)
  return {
    ...{ offered: due / seconds, served: answered / seconds, p50Us: sample.p50Us, p99Us: sample.p99Us },
    cores: path.map((c) => ({
      cpu: c.cpu,
      busy: c.busyUs / c.elapsedUs,
      // By what the timer met: of a short step it may be more than all that there was.
      softirq: Math.min(c.busyUs, c.softirqUs) / c.elapsedUs,
    })),
    generatorIsLimit: sample.lateP99Us > LATE_US || sent < due * (1 - UNSENT_SHARE),
  }
}
