// `make bench-overhead`: what the continuous profile costs, in CPU time and in request/response by the fast lane with
// it on against off, in turns A B B A. Options: --rounds (60), --ms (250), --seconds (30), --hz (49), --idle-rounds (8),
// --no-save.

import { spawn } from 'node:child_process'
import { cpus } from 'node:os'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import * as v from 'valibot'
import { cpuDelta, readCpuTimes } from '../src/observe/cpu_times.ts'
import { type Figure, publish, single } from './lib/figures.ts'
import { enterSandbox, hasFlag, option } from './lib/sandbox.ts'
import { spreadOf } from './lib/statistics.ts'
import { measureTraffic, NOWHERE, rateOf, runTraffic } from './lib/traffic.ts'
import { onAgainstOff } from './lib/turns.ts'
import { type Candidate, makeCandidates } from './paths_candidates.ts'
import { checkLane } from './paths_lane.ts'
import { checkPaths } from './paths_rounds.ts'

const CORE = cpus().length - 1
const TOLERANCE = 0.03
const MOST_SHARE = 0.01
/** As a sample's cost is too small to be seen at the continuous rate, it is measured at this one. */
const DEAR_HZ = 9973
const IDLE_MS = 1_000
const SPIN_MS = 200
const SPIN_ROUNDS = 12

const costSchema = v.strictObject({ samples: v.number(), programNs: v.number(), readNs: v.number() })
type Cost = v.InferOutput<typeof costSchema>
type Switch = (words: string) => Promise<Cost>

enterSandbox()
const HZ = option('hz', 49)
const candidates = await makeCandidates(['fast-direct'])
checkPaths(candidates)
// New pods get their programs when no ADD waits.
await sleep(1_000)
checkLane(candidates, 'at the start')
const [candidate] = candidates
if (!candidate) throw new Error('no candidate')
const ask = startProfiler()
await ask('0')
const sampleNs = await costOfInterrupt()
const figures = [...(await shareFigures(candidate)), await idleFigure(), ...(await ratioFigures(candidate))]
publish('overhead', figures, !hasFlag('no-save'))
process.exit(0)

function startProfiler(): Switch {
  const file = fileURLToPath(new URL('./overhead_profiler.ts', import.meta.url))
  const child = spawn(process.execPath, [...process.execArgv, file], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return async (words) => {
    child.stdin.write(`${words}\n`)
    const { value } = await lines.next()
    return v.parse(costSchema, JSON.parse(String(value)))
  }
}

/** What a sample takes beside the program itself, in ns: the interrupt round it slows a loop down. */
async function costOfInterrupt(): Promise<number> {
  const losses: number[] = []
  for (let i = 0; i < SPIN_ROUNDS; i++) {
    const off = rateOf(measureTraffic('spin', NOWHERE, SPIN_MS, [CORE, CORE]))
    const before = await ask(String(DEAR_HZ))
    const on = rateOf(measureTraffic('spin', NOWHERE, SPIN_MS, [CORE, CORE]))
    const after = await ask('0')
    const off2 = rateOf(measureTraffic('spin', NOWHERE, SPIN_MS, [CORE, CORE]))
    const programNs = (after.programNs - before.programNs) / (after.samples - before.samples)
    losses.push(((1 - (2 * on) / (off + off2)) / DEAR_HZ) * 1e9 - programNs)
  }
  return Math.max(0, spreadOf(losses).value)
}

/** Of one core, while requests and responses keep the machine busy. */
async function shareFigures({ ends }: Candidate): Promise<Figure[]> {
  const from = await ask(String(HZ))
  const fromMs = performance.now()
  await runTraffic('rr', ends, option('seconds', 30) * 1000, [CORE, CORE])
  const to = await ask('tell')
  const ns = (performance.now() - fromMs) * 1e6
  await ask('0')
  const samples = to.samples - from.samples
  const parts = {
    program: (to.programNs - from.programNs) / ns,
    reading: (to.readNs - from.readNs) / ns,
    interrupts: (samples * sampleNs) / ns,
  }
  const share = parts.program + parts.reading + parts.interrupts
  return [
    { name: 'continuous.core.share', unit: 'of a core', ...single(share), goal: { atMost: MOST_SHARE } },
    ...Object.entries(parts).map(([part, value]) => ({
      name: `continuous.core.share.${part}`,
      unit: 'of a core',
      ...single(value),
    })),
    { name: 'sample.interrupt', unit: 'ns', ...single(sampleNs) },
    { name: 'sample.program', unit: 'ns', ...single((to.programNs - from.programNs) / samples) },
  ]
}

/** Of one core, on a machine that does nothing: an idle processor is woken for each sample. */
async function idleFigure(): Promise<Figure> {
  const visit = async (hz: number): Promise<number> => {
    await ask(String(hz))
    const fromNs = process.hrtime.bigint()
    const before = readCpuTimes()
    await sleep(IDLE_MS)
    const wallNs = Number(process.hrtime.bigint() - fromNs)
    return cpuDelta(before, readCpuTimes(), wallNs).busyNs / wallNs
  }
  const more: number[] = []
  for (let round = 0; round < option('idle-rounds', 8); round++) {
    const [a, b, c, d] = [await visit(0), await visit(HZ), await visit(HZ), await visit(0)]
    more.push((b + c - a - d) / 2)
  }
  return { name: 'continuous.idle.share', unit: 'of a core', ...spreadOf(more) }
}

/** With the profile on divided by off. */
async function ratioFigures({ ends }: Candidate): Promise<readonly Figure[]> {
  const ms = option('ms', 250)
  return onAgainstOff('continuous.rr', option('rounds', 60), TOLERANCE, async (isOn) => {
    await ask(String(isOn ? HZ : 0))
    return rateOf(measureTraffic('rr', ends, ms, [CORE, CORE]))
  })
}
