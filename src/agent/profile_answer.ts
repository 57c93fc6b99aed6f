// GET /profile and the counters of the stages: the profiler, joined with what the programs have counted of packets.

import { systemClock } from '../base/clock.ts'
import { faultText } from '../base/result.ts'
import { closeFd } from '../kernel/bpf/command.ts'
import { enableStatistics } from '../kernel/bpf/program_info.ts'
import { cpuDelta, readCpuTimes } from '../observe/cpu_times.ts'
import { namedOthers } from '../observe/profile/others.ts'
import { pathCosts } from '../observe/profile/path_costs.ts'
import { Profiler } from '../observe/profile/profiler.ts'
import { readProgramTimes } from '../observe/profile/program_times.ts'
import { countersReport, profileReport } from '../observe/profile/report.ts'
import { since, type Tally } from '../observe/profile/tally.ts'
import type { Config } from '../schema/config.ts'
import type { Metric } from '../schema/exposition.ts'
import { isKnown, MOST_SECONDS, type PathCost, type ProfileReport } from '../schema/profile_report.ts'
import { PathCpu } from './path_cpu.ts'
import { profileMetrics } from './profile_metrics.ts'
import { type PodCounts, TrafficCounts, trafficBetween } from './profile_traffic.ts'
import type { CountsView } from './status.ts'
import type { Answer } from './status_server.ts'

/** How often samples are taken out of the kernel; in between there is room for some thousand kinds of stacks. */
const CONTINUOUS_DRAIN_MS = 5_000
const RAISED_DRAIN_MS = 500
/** While somebody asks: a prime, so that no clock of the kernel's own is met again and again. */
const RAISED_HZ = 997
/** Without a question about an interval the last minute is shown: looks at the counts are kept so long. */
const LOOK_MS = 60_000
/** Each looks at the samples twice a second. */
const MOST_AT_ONCE = 8
/** A cost is told to others when its interval begins above this part of it: from some 15 samples on. */
const SURE_SHARE = 0.5

type Look = {
  readonly atNs: bigint
  readonly tally: Tally
  readonly cpu: ReturnType<typeof readCpuTimes>
  readonly counts: PodCounts
  readonly programsNs: number
}

export class ProfileAnswers {
  readonly #profiler: Profiler
  readonly #counts: () => Promise<CountsView>
  readonly #traffic = new TrafficCounts()
  readonly #pathCpu: PathCpu | undefined
  readonly #drain: NodeJS.Timeout
  readonly #minute: NodeJS.Timeout
  readonly #first: NodeJS.Timeout
  #asking = 0
  readonly #end = new AbortController()
  /** The last two, a minute apart: the older one begins what is shown without a question about an interval. */
  #looks: readonly Look[] = []
  #costs: readonly PathCost[] = []

  constructor(config: Config['profile'], counts: () => Promise<CountsView>) {
    this.#profiler = new Profiler(config === 'off' ? 0 : config.hz)
    // Samples of some seconds in which somebody asked are not the time of all packets.
    this.#pathCpu = config === 'off' ? undefined : new PathCpu()
    this.#counts = counts
    this.#drain = setInterval(() => void this.#profiler.look(), CONTINUOUS_DRAIN_MS)
    this.#minute = setInterval(() => void this.#keepLook(), LOOK_MS)
    // Not while the agent starts: pods wait for it.
    this.#first = setTimeout(() => void this.#keepLook(), CONTINUOUS_DRAIN_MS)
  }

  /** `?seconds=N`: the next N seconds, by many samples; without, the last minute or two by few. */
  async answer(query: URLSearchParams): Promise<Answer> {
    const text = query.get('seconds')
    const seconds = Number(text)
    if (text !== null && !(seconds > 0 && seconds <= MOST_SECONDS))
      return { code: 400, body: { error: `seconds: a number from above 0 to ${MOST_SECONDS}` } }
    if (this.#asking >= MOST_AT_ONCE)
      return { code: 429, body: { error: `${MOST_AT_ONCE} intervals are being measured: ask again later` } }
    this.#asking++
    try {
      return { code: 200, body: text === null ? await this.#recent() : await this.#measure(seconds) }
    } finally {
      this.#asking--
    }
  }

  /** What a packet costs on each path, of the last interval that was looked at; empty before the first. */
  get costs(): readonly PathCost[] {
    return this.#costs
  }

  /** Of the next seconds. */
  readonly measured = (seconds: number): Promise<ProfileReport> => this.#measure(seconds)

  /** Since the agent started; by path since the first call. @param counts of now, never older than the last ones */
  async metrics(counts: PodCounts): Promise<readonly Metric[]> {
    const tally = await this.#profiler.look()
    const byPath = this.#pathCpu?.look(tally, counts)
    return [...profileMetrics(tally), ...(byPath ? [byPath] : [])]
  }

  close(): void {
    clearInterval(this.#drain)
    clearInterval(this.#minute)
    clearTimeout(this.#first)
    this.#end.abort()
    this.#profiler.close()
  }

  async #keepLook(): Promise<void> {
    const look = await this.#look()
    const before = this.#looks.at(-1)
    this.#looks = [...this.#looks.slice(-1), look]
    if (!before) return
    const traffic = trafficBetween(before.counts, look.counts)
    this.#keepCosts(pathCosts(since(look.tally, before.tally), traffic.paths))
  }

  /** Paths without enough samples keep what was known of them. */
  #keepCosts(paths: readonly PathCost[]): void {
    const sure = paths.filter((p) => p.lowNs > p.nsPerPacket * SURE_SHARE)
    const isNew = (old: PathCost): boolean => sure.some((p) => p.path === old.path && p.lane === old.lane)
    this.#costs = [...sure, ...this.#costs.filter((old) => !isNew(old))]
  }

  async #look(): Promise<Look> {
    const tally = await this.#profiler.look()
    const counts = this.#traffic.look(await this.#counts())
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
    const statistics = this.#profiler.hz > 0 ? undefined : enableStatistics()
    try {
      const from = await this.#look()
      const untilMs = performance.now() + seconds * 1000
      for (let left = seconds * 1000; left > 0; left = untilMs - performance.now()) {
        await systemClock.sleep(Math.min(left, RAISED_DRAIN_MS), this.#end.signal)
        if (this.#end.signal.aborted) break
        await this.#profiler.look()
      }
      const hz = this.#profiler.hz
      const lower =
        raised.ok || hz === 0 ? [] : [`samples at more than ${hz} a second: ${faultText(raised.error)}`]
      return await this.#report(from, await this.#look(), hz, lower)
    } finally {
      if (statistics?.ok) closeFd(statistics.value)
      if (raised.ok) await raised.value()
    }
  }

  async #report(from: Look, to: Look, hz: number, lacks: readonly string[] = []): Promise<ProfileReport> {
    const wallNs = Number(to.atNs - from.atNs)
    const tally = since(to.tally, from.tally)
    const fault = this.#profiler.fault
    const input = {
      ...{ seconds: wallNs / 1e9, cpus: to.cpu.cpus, hz },
      cpu: cpuDelta(from.cpu, to.cpu, wallNs),
      traffic: trafficBetween(from.counts, to.counts),
      missing: [...lacks, ...(fault ? [`samples: ${faultText(fault)}`] : []), ...this.#missing(to.counts)],
    }
    if (fault || hz === 0 || tally.samples === 0)
      return countersReport({ ...input, programsNs: to.programsNs - from.programsNs })
    const report = profileReport({ ...input, tally, others: await namedOthers(tally) })
    this.#keepCosts(report.paths.filter(isKnown))
    return report
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
