// One step of a curve: what was offered, what came of it, and what it cost. PURE.

import type { CoreTime, SurgeSample } from '../src/schema/surge_sample.ts'
import { median } from './lib/statistics.ts'

export type Direction = 'up' | 'down'
export type CoreShares = {
  readonly role: 'generator' | 'path'
  readonly busyShare: number
  readonly softirqShare: number
}
/** Of a request, by what the timer's samples met: softirqs, the kernel for a process, the process itself. */
export type Parts = { readonly softirq: number; readonly system: number; readonly user: number }

/** A stage of packet handling, `server` for its own code, `kernel` for all else in the kernel. */
export type StageNs = { readonly stage: string; readonly nsPerRequest: number }

export type Step = {
  readonly direction: Direction
  /** Requests a second on the schedule, and answered ones of them. */
  readonly offered: number
  readonly served: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  /** Share of the requests without an answer. */
  readonly loss: number
  /** Of the path's cores. */
  readonly softirqShare: number
  readonly busyShare: number
  /** Busy time of the path's cores for each answered request: what is lost on the way weighs on those that arrive. */
  readonly nsPerRequest: number
  readonly parts: Parts
  /** The same time by stage, where the machine takes samples: largest first. */
  readonly stages: readonly StageNs[]
  /** p99 of how late requests left, in ms. */
  readonly lateness: number
  /** The generator could not keep its schedule: nothing is said of the path. */
  readonly generatorIsLimit: boolean
  readonly backlogDrops: number
  readonly squeezes: number
  readonly cores: readonly CoreShares[]
}

/** A request that leaves later than this has waited for the generator, not for the path. */
const LATE_MS = 1
const UNSENT_SHARE = 0.001

/** @param samples of the path's cores by stage; they say how the busy time is shared, not how much it is */
export function stepOf(
  sample: SurgeSample,
  direction: Direction,
  samples: ReadonlyMap<string, number> = new Map(),
): Step {
  const { seconds, due, sent, answered } = sample
  const path = sample.cores.slice(1)
  const sum = (of: (core: CoreTime) => number): number => path.reduce((all, core) => all + of(core), 0)
  const elapsedUs = sum((c) => c.elapsedUs)
  const lateness = sample.lateP99Us / 1e3
  const softirqShare = sum((c) => c.softirqUs) / elapsedUs
  const busyNs = (sum((c) => c.busyUs) / elapsedUs) * path.length * seconds * 1e9
  const nsPerRequest = busyNs / Math.max(1, answered)
  return {
    ...{ direction, offered: due / seconds, served: answered / seconds },
    ...{ p50Ms: sample.p50Us / 1e3, p99Ms: sample.p99Us / 1e3, p999Ms: sample.p999Us / 1e3 },
    ...{ loss: 1 - answered / due, softirqShare, busyShare: sum((c) => c.busyUs) / elapsedUs },
    ...{ nsPerRequest, parts: partsOf(path, nsPerRequest), lateness },
    stages: stagesOf(samples, nsPerRequest),
    generatorIsLimit: lateness > LATE_MS || sent < due * (1 - UNSENT_SHARE),
    ...{ backlogDrops: sum((c) => c.dropped), squeezes: sum((c) => c.squeezed) },
    cores: sample.cores.map((core, i) => ({
      role: i === 0 ? 'generator' : 'path',
      busyShare: core.busyUs / core.elapsedUs,
      softirqShare: core.softirqUs / core.elapsedUs,
    })),
  }
}

function partsOf(path: readonly CoreTime[], ns: number): Parts {
  const sum = (of: (core: CoreTime) => number): number => path.reduce((all, core) => all + of(core), 0)
  const [user, system, softirq] = [sum((c) => c.userUs), sum((c) => c.systemUs), sum((c) => c.softirqUs)]
  const all = Math.max(1, user + system + softirq)
  return { softirq: (ns * softirq) / all, system: (ns * system) / all, user: (ns * user) / all }
}

function stagesOf(samples: ReadonlyMap<string, number>, ns: number): readonly StageNs[] {
  const all = [...samples.values()].reduce((sum, count) => sum + count, 0)
  return [...samples]
    .map(([stage, count]) => ({ stage, nsPerRequest: (ns * count) / all }))
    .sort((a, b) => b.nsPerRequest - a.nsPerRequest)
}

/** The mean of what each pass has: a stage that few samples met is missing in some. */
function meanStages(steps: readonly Step[]): readonly StageNs[] {
  const sums = new Map<string, number>()
  for (const { stages } of steps)
    for (const { stage, nsPerRequest } of stages)
      sums.set(stage, (sums.get(stage) ?? 0) + nsPerRequest / steps.length)
  return [...sums]
    .map(([stage, nsPerRequest]) => ({ stage, nsPerRequest }))
    .sort((a, b) => b.nsPerRequest - a.nsPerRequest)
}

/** The same step of several passes as one: each number's median. */
export function medianStep(steps: readonly Step[]): Step | undefined {
  const [first] = steps
  if (!first) return undefined
  const of = (value: (step: Step) => number): number => median(steps.map(value))
  return {
    direction: first.direction,
    ...{ offered: of((s) => s.offered), served: of((s) => s.served), loss: of((s) => s.loss) },
    ...{ p50Ms: of((s) => s.p50Ms), p99Ms: of((s) => s.p99Ms), p999Ms: of((s) => s.p999Ms) },
    ...{ softirqShare: of((s) => s.softirqShare), busyShare: of((s) => s.busyShare) },
    nsPerRequest: of((s) => s.nsPerRequest),
    parts: {
      softirq: of((s) => s.parts.softirq),
      system: of((s) => s.parts.system),
      user: of((s) => s.parts.user),
    },
    stages: meanStages(steps),
    lateness: of((s) => s.lateness),
    generatorIsLimit: of((s) => Number(s.generatorIsLimit)) > 0.5,
    ...{ backlogDrops: of((s) => s.backlogDrops), squeezes: of((s) => s.squeezes) },
    cores: first.cores.map(({ role }, i) => ({
      role,
      busyShare: of((s) => s.cores[i]?.busyShare ?? Number.NaN),
      softirqShare: of((s) => s.cores[i]?.softirqShare ?? Number.NaN),
    })),
  }
}
