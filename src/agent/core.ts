// What the agent knows and does about it: the inputs' tables, the live pod network, and the looks at the kernel that
// keep both right. `main.ts` gives it its sockets, its inputs and its end.

import type { StartFacts } from '../apply/node.ts'
import type { Urgency } from '../apply/watch.ts'
import { steadyClock, systemClock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { faultText, ok, type Result } from '../base/result.ts'
import type { RowSink } from '../input/source.ts'
import { AddressPool } from '../ipam/pool.ts'
import type { Lane } from '../plan/fast_lane.ts'
import type { PathCure } from '../plan/path_cures.ts'
import type { PathHealth } from '../plan/path_health.ts'
import { type SocketWish, socketWishes } from '../plan/sockets.ts'
import type { Config } from '../schema/config.ts'
import { createTables, type Tables } from '../state/tables.ts'
import type { KernelClient } from './kernel_client.ts'
import type { AgentReport } from './kernel_protocol.ts'
import { type Knowledge, recordedKnowledge, reportedKnowledge } from './knowledge.ts'
import { LiveNetwork } from './network.ts'
import { createNodeDelta } from './node_delta.ts'
import { createPathCures } from './path_cures.ts'
import { createReconciler, type Reconciler } from './reconciler.ts'
import { createSweeper, type Sweeper } from './sweeper.ts'

export type CoreOptions = {
  readonly config: Config
  readonly nodeName: string
  readonly kernel: KernelClient
  readonly log: Log
}

/** Inputs are written at once; a burst of rows makes one run. */
const INPUT_DELAY_MS = 5
/** Our own ADDs and DELs are seen as changes too: those need no hurry. */
const LOOK_DELAY_MS: Readonly<Record<Urgency, number>> = { now: 20, soon: 1_000, tables: 100 }
const NO_RECORD = { ranges: [], linkMtuBytes: undefined, routeMtuBytes: undefined }

export class Core {
  readonly tables: Tables
  readonly sink: RowSink
  readonly live: LiveNetwork
  readonly #options: CoreOptions
  readonly #sweeper: Sweeper
  readonly #reconciler: Reconciler
  readonly #firstSync = Promise.withResolvers<void>()
  #facts: StartFacts | undefined
  #knowledge: Knowledge = recordedKnowledge(NO_RECORD)
  #report: AgentReport | undefined
  #tablesDue = false
  /** Of pods only this concerns the kernel: which want to talk from socket to socket. */
  #wishes: readonly SocketWish[] = []
  readonly #nodeDelta = createNodeDelta()
  readonly #cures = createPathCures(
    () => this.#report,
    () => this.#ask('the health of paths', 0),
  )

  constructor(options: CoreOptions) {
    const { config, kernel, log } = options
    this.#options = options
    const { tables, sink } = createTables(config.input.kind, (what) => {
      if (what !== 'pods' || this.#wishesChanged()) this.#ask(what, INPUT_DELAY_MS)
    })
    this.tables = tables
    this.sink = sink
    this.live = new LiveNetwork({
      kernel,
      pool: new AddressPool(config.ipam.coolDownSeconds * 1000, systemClock.nowMs),
      tables,
      knowledge: () => this.#knowledge,
      onDeleted: () => this.#sweeper.schedule(),
    })
    this.#sweeper = createSweeper(kernel, this.live)
    this.#reconciler = createReconciler({
      clock: steadyClock,
      log,
      run: () => this.#reconcile(),
      onReport: (report) => this.#learn(report),
    })
  }

  get report(): AgentReport | undefined {
    return this.#report
  }

  get knowledge(): Knowledge {
    return this.#knowledge
  }

  /** The same value for as long as the same is done about sick paths. */
  get cures(): readonly PathCure[] {
    return this.#cures.now()
  }

  /** Reads what a former run left. */
  async recall(): Promise<Result<void>> {
    const started = await this.#options.kernel.call('start')
    if (!started.ok) return started
    const facts = started.value
    this.#facts = facts
    for (const name of facts.removed) this.#options.log.info({ name }, 'removed a half-made interface')
    this.#knowledge = recordedKnowledge(facts.record)
    this.live.recall(facts)
    if (this.live.leaving.length > 0) this.#sweeper.schedule()
    // A first look at the uplink, so that an ADD before the API answers gets the right MTU. Nothing is removed yet.
    if (this.#hasRecord()) await this.#reconciler.settled()
    return ok(undefined)
  }

  /** Resolves when there is something to answer calls with: a record, or the first sync, or its time is over. */
  async ready(longestMs: number): Promise<void> {
    if (!this.#hasRecord()) await Promise.race([this.#firstSync.promise, systemClock.sleep(longestMs)])
  }

  look(why: string, urgency: Urgency): void {
    this.#tablesDue ||= urgency === 'tables'
    this.#ask(why, LOOK_DELAY_MS[urgency])
  }

  /**
   * Resolves when the nodes' paths are so. The override is on record in the kernel.
   * @param peer undefined: the whole node
   * @param lane undefined: what the config says
   */
  async setLane(peer: string | undefined, lane: Lane | undefined): Promise<Result<void>> {
    const { kernel, log } = this.#options
    const set = await kernel.call('setLane', peer, lane)
    if (!set.ok) return set
    log.info({ peer: peer ?? 'all', lane: lane ?? 'as configured' }, 'lane asked for')
    // Before there is anything to act on the first run will find it.
    if (this.#canAct()) await this.#reconciler.settled()
    return ok(undefined)
  }

  /**
   * What a prober has found out of some paths; the others stay what they were. A path that is sick by now is worked
   * around at once, and so is one that is well again.
   * @param nowMs by `steadyClock`: a wall clock that is set back would keep every path as it was
   * @param health empty: only time passes, by which sick paths that nobody looks at are tried again
   */
  observe(health: readonly PathHealth[], nowMs = steadyClock.nowMs()): void {
    this.#cures.observe(health, nowMs)
  }

  stopLooking(): void {
    this.#reconciler.close()
  }

  close(): void {
    this.#reconciler.close()
    this.#sweeper.close()
  }

  #hasRecord(): boolean {
    return this.#facts !== undefined && this.#facts.record.ranges.length > 0
  }

  /** Without a record and before the first sync nobody has said anything that could be acted on. */
  #canAct(): boolean {
    return this.tables.source.synced || this.#hasRecord()
  }

  #ask(why: string, delayMs: number): void {
    if (this.#canAct()) this.#reconciler.request(why, delayMs)
  }

  #wishesChanged(): boolean {
    const before = this.#wishes
    this.#wishes = socketWishes(this.tables.pods.values())
    return JSON.stringify(before) !== JSON.stringify(this.#wishes)
  }

  #reconcile(): Promise<AgentReport> {
    const { synced } = this.tables.source
    const tables = this.#tablesDue
    this.#tablesDue = false
    // Half a list of nodes is worse than the record: until all inputs are in sync, only that counts.
    const nodes = this.#nodeDelta(synced ? this.tables.nodes.values() : [])
    const selfName = this.#options.nodeName
    const sockets = this.#wishes
    const cures = this.#cures.now()
    return this.#options.kernel.call('reconcile', { selfName, nodes, sweep: synced, tables, sockets, cures })
  }

  async #learn(report: AgentReport): Promise<void> {
    tellFaults(this.#options.log, this.#report, report)
    this.#report = report
    if (report.synced) {
      this.#knowledge = reportedKnowledge(report)
      this.#firstSync.resolve()
    } else if (this.#facts) this.#knowledge = recordedKnowledge(this.#facts.record, report)
    await this.live.correct(report.endpoints)
  }
}

/** Each fault once, when it comes and when it goes: a retry every few seconds must not fill the log. */
function tellFaults(log: Log, before: AgentReport | undefined, now: AgentReport): void {
  const textsOf = (r: AgentReport | undefined): Set<string> =>
    new Set([...(r?.faults ?? []), ...(r?.network.complaints ?? [])].map(faultText))
  const old = textsOf(before)
  const present = textsOf(now)
  for (const text of present) if (!old.has(text)) log.warn({ fault: text }, 'a fault')
  for (const text of old) if (!present.has(text)) log.info({ fault: text }, 'a fault is gone')
}
