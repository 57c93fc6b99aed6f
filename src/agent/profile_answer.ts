// GET /profile and the counters of the stages: the profiler, joined with what the programs have counted of packets.

import { systemClock } from '../base/clock.ts'
import { faultText } from '../base/result.ts'
import { closeFd } from '../kernel/bpf/command.ts'
import { enableStatistics } from '../kernel/bpf/program_info.ts'
import { functionNames } from '../kernel/kallsyms.ts'
import { cpuDelta, readCpuTimes } from '../observe/cpu_times.ts'
import { Profiler } from '../observe/profile/profiler.ts'
import { readProgramTimes } from '../observe/profile/program_times.ts'
import { countersReport, profileReport } from '../observe/profile/report.ts'
import { MANY_OTHERS, since, stageOfCell, type Tally } from '../observe/profile/tally.ts'
import type { AgentStatus } from '../schema/agent_status.ts'
import type { Config } from '../schema/config.ts'
import type { Metric } from '../schema/exposition.ts'
import { MOST_SECONDS, type ProfileReport } from '../schema/profile_report.ts'
import { STAGES } from '../schema/stages.ts'
import { type PodCounts, TrafficCounts } from './profile_traffic.ts'
import type { Answer } from './status_server.ts'

/** How often samples are taken out of the kernel; in between there is room for some thousand kinds of stacks. */
const CONTINUOUS_DRAIN_MS = 5_000
const RAISED_DRAIN_MS = 500
/** While somebody asks: a prime, so that no clock of the kernel's own is met again and again. */
const RAISED_HZ = 997
/** Without a question about an interval the last minute is shown: looks at the counts are kept so long. */
const LOOK_MS = 60_000
/** As many unknown functions are named. */
const MOST_NAMED = 12

type Look = {
  readonly atNs: bigint
  readonly tally: Tally
  readonly cpu: ReturnType<typeof readCpuTimes>
  readonly counts: PodCounts
  readonly programsNs: number
}

export class ProfileAnswers {
  readonly #profiler: Profiler
  readonly #status: () => Promise<AgentStatus>
  readonly #traffic = new TrafficCounts()
  readonly #drain: NodeJS.Timeout
  readonly #minute: NodeJS.Timeout
  readonly #end = new AbortController()
  /** The last two, a minute apart: the older one begins what is shown without a question about an interval. */
  #looks: readonly Look[] = []

  constructor(config: Config['profile'], status: () => Promise<AgentStatus>) {
    this.#profiler = new Profiler(config === 'off' ? 0 : config.hz)
    this.#status = status
    this.#drain = setInterval(() => void this.#profiler.look(), CONTINUOUS_DRAIN_MS)
    this.#minute = setInterval(() => void this.#keepLook(), LOOK_MS)
    void this.#keepLook()
  }

  /** `?seconds=N`: the next N seconds, by many samples; without, the last minute or two by few. */
  async answer(query: URLSearchParams): Promise<Answer> {
    const text = query.get('seconds')
    const seconds = Number(text)
    if (text !== null && !(seconds > 0 && seconds <= MOST_SECONDS))
      return { code: 400, body: { error: `seconds: a number from above 0 to ${MOST_SECONDS}` } }
    return { code: 200, body: text === null ? await this.#recent() : await this.#measure(seconds) }
  }

  /** Of the next seconds. */
  readonly measured = (seconds: number): Promise<ProfileReport> => this.#measure(seconds)

  /** Since the agent started. */
  async metrics(): Promise<readonly Metric[]> {
    const tally = await this.#profiler.look()
    if (tally.samples === 0) return []
    const ns = new Float64Array(STAGES.length)
    for (const [cell, cellNs] of tally.cellNs.entries())
      ns[stageOfCell(cell)] = (ns[stageOfCell(cell)] ?? 0) + cellNs
    return [
      {
        name: 'podlane_stage_seconds_total',
        type: 'counter',
        help: 'CPU time of packet handling, by stage, estimated from samples.',
        samples: STAGES.map((stage, i) => ({ labels: { stage }, value: (ns[i] ?? 0) / 1e9 })),
      },
      {
        name: 'podlane_profile_own_seconds_total',
        type: 'counter',
        help: 'CPU time that taking and reading the samples took.',
        samples: [{ value: (tally.programNs + tally.readNs) / 1e9 }],
      },
    ]
  }

  close(): void {
    clearInterval(this.#drain)
    clearInterval(this.#minute)
    this.#end.abort()
    this.#profiler.close()
  }

  async #keepLook(): Promise<void> {
    const look = await this.#look()
    this.#looks = [...this.#looks.slice(-1), look]
  }

  async #look(): Promise<Look> {
    const tally = await this.#profiler.look()
    const counts = this.#traffic.look(await this.#status())
    const { runNs } = readProgramTimes()
    return { atNs: process.hrtime.bigint(), tally, cpu: readCpuTimes(), counts, programsNs: runNs }
  }

  async #recent(): Promise<ProfileReport> {
    const [from] = this.#looks
    if (!from || this.#profiler.hz === 0) return this.#measure(1)
    return this.#report(from, await this.#look(), this.#profiler.hz)
  }

  async #measure(seconds: number): Promise<ProfileReport> {
    const raised = await this.#profiler.raise(RAISED_HZ)
    const statistics = raised.ok ? undefined : enableStatistics()
    const from = await this.#look()
    const untilMs = performance.now() + seconds * 1000
    for (let left = seconds * 1000; left > 0; left = untilMs - performance.now()) {
      await systemClock.sleep(Math.min(left, RAISED_DRAIN_MS), this.#end.signal)
      if (this.#end.signal.aborted) break
      await this.#profiler.look()
    }
    const to = await this.#look()
    const report = await this.#report(from, to, raised.ok ? this.#profiler.hz : 0)
    if (raised.ok) await raised.value()
    if (statistics?.ok) closeFd(statistics.value)
    return report
  }

  async #report(from: Look, to: Look, hz: number): Promise<ProfileReport> {
    const wallNs = Number(to.atNs - from.atNs)
    const tally = since(to.tally, from.tally)
    const fault = this.#profiler.fault
    const input = {
      ...{ seconds: wallNs / 1e9, cpus: to.cpu.cpus, hz },
      cpu: cpuDelta(from.cpu, to.cpu, wallNs),
      traffic: this.#traffic.between(from.counts, to.counts),
      missing: [...(fault ? [`samples: ${faultText(fault)}`] : []), ...this.#missing(to.counts)],
    }
    if (fault || tally.samples === 0)
      return countersReport({ ...input, programsNs: to.programsNs - from.programsNs })
    return profileReport({ ...input, tally, others: await namedOthers(tally) })
  }

  #missing(counts: PodCounts): string[] {
    const { agents } = readProgramTimes()
    const out: string[] = []
    if (agents > 1)
      out.push(
        `${agents} agents share this kernel: the time is that of all nodes’ packets, the packets are this node’s`,
      )
    if (!counts.hasPaths) out.push('packets by path: without the fast lane’s programs nothing counts them')
    if (!counts.hasPods) out.push('CPU time by pod: no pod’s packets are counted')
    return out
  }
}

async function namedOthers(tally: Tally): Promise<ProfileReport['others']> {
  const largest = [...tally.others]
    .filter(([, ns]) => ns > 0)
    .sort(([, a], [, b]) => b - a)
    .slice(0, MOST_NAMED)
  if (largest.length === 0) return []
  const names = await functionNames(largest.map(([address]) => address))
  const sums = new Map<string, number>()
  for (const [i, [address, ns]] of largest.entries()) {
    const found = names.ok ? (names.value[i] ?? 'unknown') : 'unknown'
    const symbol = address === MANY_OTHERS ? 'many more' : found
    sums.set(symbol, (sums.get(symbol) ?? 0) + ns)
  }
  return [...sums].map(([symbol, ns]) => ({ symbol, ns }))
}
