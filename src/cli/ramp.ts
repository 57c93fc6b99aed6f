// `podlane bench ramp`: the verdict «a faster path helps» checked by doing it. Each lane's low loads predict what it carries;
// the load then rises until it does not keep up.

import { availableParallelism } from 'node:os'
import { type Fault, fault, ok, type Result } from '../base/result.ts'
import { askersRamp, medianAskers } from '../explain/ramp/askers.ts'
import { lowLoads, medianStep, ROUNDS } from '../explain/ramp/low_loads.ts'
import { isServed, laneRamp, rampReport, reachedBy } from '../explain/ramp/ramp_report.ts'
import { type Ends, findEnds } from '../lab/ramp/ends.ts'
import { ask, generatorProgram, offer, type Placing } from '../lab/ramp/generator.ts'
import { setPairLane } from '../lab/ramp/pair_lane.ts'
import { lookAt, ramp } from '../lab/ramp/ramp.ts'
import { steer } from '../lab/ramp/steering.ts'
import { readRecord } from '../lab/record.ts'
import type { AskersPoint, LaneRamp, RampReport, RampStep } from '../schema/ramp.ts'
import { secondsOf } from './interval.ts'
import { askersText, rampText, stepText } from './ramp_text.ts'
import { orPrint, print, printFault, printJson } from './terminal.ts'

export type RampCommand = {
  readonly from: string
  readonly to: string
  readonly step: string
  readonly json?: true
}
type Setting = {
  readonly program: string
  readonly ends: Ends
  readonly placing: Placing
  /** Of one look. */
  readonly ms: number
}

const MOST_STEP_SECONDS = 60
const FIRST_RPS = 2_000
const ASKERS = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32]
/** Of the time of a step: several short looks are worth more than a long one, for what spoils one. */
const LOOK_PART = 0.2
const LEAST_MS = 10

export async function benchRamp({ from, to, step, json }: RampCommand): Promise<void> {
  const seconds = orPrint(secondsOf(step, MOST_STEP_SECONDS))
  if (seconds === undefined) return
  const setting = orPrint(await prepare(from, to, seconds))
  if (!setting) return
  const lanes = orPrint(await bothLanes(setting))
  if (!lanes) return
  const named = { from, to, path: setting.ends.path, cores: setting.placing.path.length }
  const report: RampReport = rampReport(named, lanes)
  if (json) printJson(report)
  else print(rampText(report))
}

async function prepare(from: string, to: string, seconds: number): Promise<Result<Setting>> {
  if (!readRecord()) return fault('lab', 'the lab', 'one that is up', 'none', 'run «podlane lab up»')
  const program = generatorProgram()
  if (!program.ok) return program
  const cores = availableParallelism()
  if (cores < 2)
    return fault('bench', 'this machine', 'a core for the generator and one for the path', '1', 'use another')
  const ends = await findEnds(from, to)
  if (!ends.ok) return ends
  const placing = { generator: cores - 1, path: Array.from({ length: cores - 1 }, (_, i) => i) }
  return ok({
    program: program.value,
    ends: ends.value,
    placing,
    ms: Math.max(LEAST_MS, seconds * 1000 * LOOK_PART),
  })
}

/** Whatever happens, the pair gets back its default lane and its steering. */
async function bothLanes(setting: Setting): Promise<Result<readonly LaneRamp[]>> {
  const { ends, placing } = setting
  const steered = await steer(ends, placing.path)
  if (!steered.ok) return steered
  try {
    const lanes: LaneRamp[] = []
    for (const lane of ['plain', 'fast'] as const) {
      const measured = await oneLane(lane, setting)
      if (!measured.ok) return measured
      lanes.push(measured.value)
    }
    return ok(lanes)
  } finally {
    tell(await setPairLane(ends, 'default'))
    tell(await steer(ends, []))
  }
}

const tell = (done: Result<void, Fault>): void => {
  if (!done.ok) printFault(done.error)
}

async function oneLane(lane: LaneRamp['lane'], setting: Setting): Promise<Result<LaneRamp>> {
  const { program, ends, placing, ms } = setting
  const set = await setPairLane(ends, lane)
  if (!set.ok) return set
  const steps = await ramp({
    firstRps: FIRST_RPS,
    offer: (rps, before, seed) => offer(program, ends, placing, { rps, before, ms, seed }),
    isServed,
    onStep: (step: RampStep) => process.stderr.write(`${stepText(lane, step, isServed(step))}\n`),
  })
  if (!steps.ok) return steps
  const low = await lowSteps(lane, reachedBy(steps.value).rps, setting)
  if (!low.ok) return low
  const found = laneRamp(lane, steps.value, low.value, placing.path.length)
  const points = await askersOf(lane, setting)
  return points.ok ? ok({ ...found, askers: askersRamp(points.value, found.reached.rps) }) : points
}

async function lowSteps(
  lane: LaneRamp['lane'],
  reachedRps: number,
  { program, ends, placing, ms }: Setting,
): Promise<Result<readonly RampStep[]>> {
  const loads = lowLoads(reachedRps).filter((rps) => rps >= 1)
  process.stderr.write(
    `${lane.padEnd(5)} ${ROUNDS} looks at ${loads.length} loads below three quarters of that\n`,
  )
  const looks = await lookAt(loads, ROUNDS, (rps, seed) =>
    offer(program, ends, placing, { rps, before: rps, ms, seed }),
  )
  return looks.ok ? ok(looks.value.flatMap((steps) => medianStep(steps) ?? [])) : looks
}

async function askersOf(
  lane: LaneRamp['lane'],
  { program, ends, placing, ms }: Setting,
): Promise<Result<readonly AskersPoint[]>> {
  const looks = await lookAt(ASKERS, ROUNDS, (askers) => ask(program, ends, placing, { askers, ms }))
  if (!looks.ok) return looks
  const points = looks.value.flatMap(medianAskers)
  for (const point of points) process.stderr.write(`${askersText(lane, point)}\n`)
  return ok(points)
}
