// `make bench-profile`: whether the stages add up to the CPU time that /proc/stat shows for a steady load, and how much
// of it cpu-clock finds late, where interrupts are allowed again.
// Options: --seconds (60) of each load, --idle (20), --hz (997), --candidate (plain-vxlan), --kinds (udp,stream,rr; the
// first has no name in the figures), --no-save.

import { cpus } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { must } from '../src/base/result.ts'
import { closeFd } from '../src/kernel/bpf/command.ts'
import { enableStatistics } from '../src/kernel/bpf/program_info.ts'
import { cpuDelta, readCpuTimes } from '../src/observe/cpu_times.ts'
import { Profiler } from '../src/observe/profile/profiler.ts'
import { readProgramTimes } from '../src/observe/profile/program_times.ts'
import { since, stageOfCell, type Tally } from '../src/observe/profile/tally.ts'
import type { CpuTimes } from '../src/schema/profile_report.ts'
import { STAGES, type Stage } from '../src/schema/stages.ts'
import { type Figure, publish, single } from './lib/figures.ts'
import { enterSandbox, hasFlag, option, textOption } from './lib/sandbox.ts'
import { type Kind, runTraffic } from './lib/traffic.ts'
import { type Candidate, makeCandidates } from './paths_candidates.ts'
import { checkPaths } from './paths_rounds.ts'
import { LateSamples } from './profile_late.ts'

const CORE = cpus().length - 1
const DRAIN_MS = 500
const MOST_ERROR = 0.1
/** Busy beside the load, as a share of the time under it. */
const MOST_BASELINE = 0.15
const KINDS: readonly Kind[] = ['udp', 'rr', 'crr', 'stream']

/** Each per second of wall time. */
type Rates = {
  readonly cpu: CpuTimes
  readonly packetNs: number
  readonly ebpfNs: number
  readonly programsNs: number
  /** All that is not idle, as the samples say. */
  readonly sampledNs: number
  readonly elsewhereNs: number
  readonly userNs: number
}

enterSandbox()
const kinds = (textOption('kinds') ?? 'udp,stream,rr').split(',').map(kindNamed)
const save = !hasFlag('no-save')
const candidates = await makeCandidates([textOption('candidate') ?? 'plain-vxlan'])
checkPaths(candidates)
await sleep(1_000)
const [candidate] = candidates
if (!candidate) throw new Error('no candidate')
const statistics = must(enableStatistics())
const profiler = new Profiler(option('hz', 997))
await profiler.look()
const idle = await measure(option('idle', 20))
const sums: Figure[] = []
for (const [i, kind] of kinds.entries())
  sums.push(...sumFigures(i === 0 ? '' : `${kind}.`, await underLoad(kind, candidate)))
profiler.close()
const late = await new LateSamples().measure(candidate, 'udp')
closeFd(statistics)
publish('profile', [...sums, ...late], save)
process.exit(0)

function kindNamed(name: string): Kind {
  const kind = KINDS.find((k) => k === name)
  if (!kind) throw new Error(`--kinds: wanted of ${KINDS.join(', ')}, found ${name}`)
  return kind
}

/** Both ends on one core: interrupts from one to the other are time of no packet function. */
async function underLoad(kind: Kind, { ends }: Candidate): Promise<Rates> {
  const seconds = option('seconds', 60)
  const traffic = runTraffic(kind, ends, (seconds + 2) * 1000, [CORE, CORE])
  await sleep(1_000)
  const load = await measure(seconds)
  await traffic
  if (idle.cpu.busyNs <= MOST_BASELINE * load.cpu.busyNs) return load
  const words = `idle the machine was ${(idle.cpu.busyNs / 1e9).toFixed(2)} cores busy: something else runs on it`
  if (save) throw new Error(words)
  console.error(`${words}; the sums mean nothing`)
  return load
}

async function measure(forSeconds: number): Promise<Rates> {
  const fromNs = process.hrtime.bigint()
  const [before, cpu, programs] = [await profiler.look(), readCpuTimes(), readProgramTimes()]
  for (let i = 0; i < (forSeconds * 1000) / DRAIN_MS; i++) {
    await sleep(DRAIN_MS)
    await profiler.look()
  }
  const tally = since(await profiler.look(), before)
  const wallNs = Number(process.hrtime.bigint() - fromNs)
  const per = (ns: number): number => ns / (wallNs / 1e9)
  const delta = cpuDelta(cpu, readCpuTimes(), wallNs)
  return {
    cpu: {
      busyNs: per(delta.busyNs),
      idleNs: per(delta.idleNs),
      userNs: per(delta.userNs),
      softirqNs: per(delta.softirqNs),
    },
    packetNs: per(STAGES.reduce((sum, stage) => sum + stageNs(tally, stage), 0)),
    ebpfNs: per(stageNs(tally, 'ebpf')),
    programsNs: per(readProgramTimes().runNs - programs.runNs),
    sampledNs: per(tally.ns - tally.idleNs),
    elsewhereNs: per(tally.elsewhereNs),
    userNs: per(tally.userNs),
  }
}

function stageNs(tally: Tally, stage: Stage): number {
  return tally.cellNs.reduce((sum, ns, cell) => (STAGES[stageOfCell(cell)] === stage ? sum + ns : sum), 0)
}

function sumFigures(name: string, load: Rates): Figure[] {
  const more = (of: (rates: Rates) => number): number => of(load) - of(idle)
  const error = (sum: number, independent: number): number => Math.abs((sum - independent) / independent)
  const busy = more((r) => r.cpu.busyNs)
  const kernel = busy - more((r) => r.cpu.userNs)
  const packets = more((r) => r.packetNs)
  const ns = (of: string, value: number): Figure => ({
    name: name + of,
    unit: 'ms/s',
    ...single(value / 1e6),
  })
  const ratio = (of: string, value: number): Figure => ({ name: name + of, unit: 'ratio', ...single(value) })
  const judged = (of: string, value: number): Figure => ({
    ...ratio(of, value),
    goal: { atMost: MOST_ERROR },
  })
  const sampled = more((r) => r.sampledNs)
  const programs = more((r) => r.programsNs)
  return [
    judged('stage-sum.error', error(packets, kernel)),
    judged('stage-sum.error.of-busy', error(packets, busy)),
    ratio('sampled-sum.error', error(sampled, busy)),
    // Without the baseline, so that it says something on a machine that does other work too.
    ratio('sampled.by-stat', load.sampledNs / load.cpu.busyNs),
    ns('stages', packets),
    ns(
      'sampled.kernel.other',
      more(({ elsewhereNs }) => elsewhereNs),
    ),
    ns(
      'sampled.user',
      more(({ userNs }) => userNs),
    ),
    ns('stat.busy', busy),
    ns('stat.busy.kernel', kernel),
    ns(
      'stat.softirq',
      more(({ cpu }) => cpu.softirqNs),
    ),
    ns('stat.busy.idle-baseline', idle.cpu.busyNs),
    ratio('ebpf.samples-by-runtime', more(({ ebpfNs }) => ebpfNs) / programs),
  ]
}
