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
import { spanOf } from './interval.ts'
import { askersText, rampText, roundText, stepText } from './ramp_text.ts'
import { orPrint, print, printFault, printJson } from './terminal.ts'

export type RampCommand = {
  readonly from: string
  readonly to: string
  readonly look: string
  readonly json?: true
}
type Setting = {
  readonly program: string
  readonly ends: Ends
  readonly placing: Placing
  /** Of one look. */
  readonly ms: number
}

const LOOK = { option: '--look', least: 0.02, most: 10, example: '0.2s' }
const FIRST_RPS = 2_000
const ASKERS = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32]

export async function benchRamp({ from, to, look, json }: RampCommand): Promise<void> {
  const seconds = orPrint(spanOf(look, LOOK))
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
  return ok({ program: program.value, ends: ends.value, placing, ms: seconds * 1000 })
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
  const looks = await lookAt({
    ...{ loads, rounds: ROUNDS, onRound: tellRound(lane, 'loads below three quarters of that') },
    look: (rps, seed) => offer(program, ends, placing, { rps, before: rps, ms, seed }),
  })
  return looks.ok ? ok(looks.value.flatMap((steps) => medianStep(steps) ?? [])) : looks
}

async function askersOf(
  lane: LaneRamp['lane'],
  { program, ends, placing, ms }: Setting,
): Promise<Result<readonly AskersPoint[]>> {
  const looks = await lookAt({
    ...{ loads: ASKERS, rounds: ROUNDS, onRound: tellRound(lane, 'askers who wait') },
    look: (askers) => ask(program, ends, placing, { askers, ms }),
  })
  if (!looks.ok) return looks
  const points = looks.value.flatMap(medianAskers)
  for (const point of points) process.stderr.write(`${askersText(lane, point)}\n`)
  return ok(points)
}

const tellRound = (lane: string, what: string) => (round: number) => {
  process.stderr.write(`${roundText(lane, what, round, ROUNDS)}\n`)
}
