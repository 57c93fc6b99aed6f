// The agent: the only place where the parts are wired. Inputs → tables → kernel Worker (plan and apply) → knowledge for
// the CNI verbs; a restart finds everything in the kernel.

import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Report, StartFacts } from '../apply/node.ts'
import type { Urgency } from '../apply/watch.ts'
import { systemClock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { faultText, ok, type Result } from '../base/result.ts'
import type { CniCall, Reply } from '../cni/call.ts'
import { codes, errorReply } from '../cni/errors.ts'
import { type MarkedNetwork, withMarkers } from '../cni/markers.ts'
import type { PodNetwork } from '../cni/network.ts'
import { type CniServer, startCniServer } from '../cni/server.ts'
import { handleCall } from '../cni/verbs.ts'
import { newestVersion } from '../cni/versions.ts'
import { AddressPool } from '../ipam/pool.ts'
import { readDrops } from '../observe/drops.ts'
import { readFlowRoom } from '../observe/flow_room.ts'
import { readPeerWays } from '../observe/peer_ways.ts'
import { readSurroundings } from '../observe/surroundings.ts'
import type { Config } from '../schema/config.ts'
import { parseListen } from '../schema/values.ts'
import { createTables } from '../state/tables.ts'
import { startSource } from './input.ts'
import { type KernelClient, startKernel } from './kernel_client.ts'
import { type Knowledge, recordedKnowledge, reportedKnowledge } from './knowledge.ts'
import { LiveNetwork } from './network.ts'
import { createReconciler } from './reconciler.ts'
import { runFolderComplaints, secureRunFolder } from './run_folder.ts'
import { agentStatus } from './status.ts'
import { startStatusServer } from './status_server.ts'
import { createSweeper } from './sweeper.ts'

export type AgentOptions = { readonly config: Config; readonly version: string; readonly log: Log }
export type Agent = { readonly close: () => Promise<void> }

/** Inputs are written at once; a burst of rows makes one run. */
const INPUT_DELAY_MS = 5
/** Our own ADDs and DELs are seen as changes too: those need no hurry. */
const LOOK_DELAY_MS: Readonly<Record<Urgency, number>> = { now: 20, soon: 1_000, tables: 100 }
/** Whatever no event told is found by then. */
const FULL_LOOK_MS = 60_000
/** Looking at the host's other tables starts programs: not for every question about the status. */
const SURROUNDINGS_MS = 10_000
/** How long the first CNI calls of a node without a record wait for the first sync. */
const FIRST_SYNC_MS = 3_000

type Handler = (call: CniCall) => Promise<Reply>

/**
 * The CNI socket comes first: its lock keeps a second agent's hands off the kernel, and calls wait in it until the
 * agent knows what stands.
 */
export async function startAgent(options: AgentOptions): Promise<Result<Agent>> {
  const { config, log } = options
  const folder = secureRunFolder(config.directories.run)
  if (!folder.ok) return folder
  const handler = Promise.withResolvers<Handler>()
  const cni = startCniServer({
    path: join(config.directories.run, 'cni.sock'),
    handle: async (call) => (await handler.promise)(call),
    log,
  })
  if (!cni.ok) return cni
  const kernel = startKernel({
    config,
    onLook: (why, urgency) => run.look(why, urgency),
    onDeath: (error) => {
      log.error(
        { error: error.stack },
        'the kernel worker died: ending, to start again from what the kernel has',
      )
      process.exit(70)
    },
  })
  const run = createRun(options, kernel)
  const started = await run.start(cni.value, handler.resolve)
  if (started.ok) return started
  handler.resolve(async () => errorReply(cannotStart(faultText(started.error)), newestVersion))
  await cni.value.close()
  await kernel.close()
  return started
}

const cannotStart = (details: string) => ({
  code: codes.tryAgain,
  msg: 'the Podlane agent cannot start',
  details,
})

type Run = {
  readonly look: (why: string, urgency: Urgency) => void
  readonly start: (cni: CniServer, serve: (handler: Handler) => void) => Promise<Result<Agent>>
}

function createRun(options: AgentOptions, kernel: KernelClient): Run {
  const { config, log } = options
  const nodeName = config.nodeName ?? process.env.NODE_NAME ?? hostname()
  const startedAtMs = Date.now()
  let facts: StartFacts | undefined
  let knowledge: Knowledge = recordedKnowledge({
    ranges: [],
    linkMtuBytes: undefined,
    routeMtuBytes: undefined,
  })
  let report: Report | undefined
  let tablesDue = false
  const firstSync = Promise.withResolvers<void>()

  const { tables, sink } = createTables(config.input.kind, (what) => {
    if (what !== 'pods') ask(what, INPUT_DELAY_MS)
  })
  const live = new LiveNetwork({
    kernel,
    pool: new AddressPool(config.ipam.coolDownSeconds * 1000, systemClock.nowMs),
    tables,
    knowledge: () => knowledge,
    onDeleted: () => sweeper.schedule(),
  })
  const sweeper = createSweeper(kernel, () => live)
  const reconciler = createReconciler({
    clock: systemClock,
    log,
    run: () => {
      const { synced } = tables.source
      const due = tablesDue
      tablesDue = false
      // Half a list of nodes is worse than the record: until all inputs are in sync, only that counts.
      const nodes = synced ? [...tables.nodes.values()] : []
      return kernel.call('reconcile', { selfName: nodeName, nodes, sweep: synced, tables: due })
    },
    onReport: async (next) => {
      tellFaults(log, report, next)
      report = next
      if (next.synced) {
        knowledge = reportedKnowledge(next)
        firstSync.resolve()
      } else if (facts) knowledge = recordedKnowledge(facts.record, next)
      await live.correct(next.endpoints)
    },
  })
  /** Without a record and before the first sync nobody has said anything that could be acted on. */
  const ask = (why: string, delayMs: number): void => {
    if (tables.source.synced || hasRecord(facts)) reconciler.request(why, delayMs)
  }
  const look = (why: string, urgency: Urgency): void => {
    tablesDue ||= urgency === 'tables'
    ask(why, LOOK_DELAY_MS[urgency])
  }
  const markers = withMarkers(verbsOf(live), join(config.directories.run, 'deleted'), log)

  const recall = async (): Promise<Result<void>> => {
    const started = await kernel.call('start')
    if (!started.ok) return started
    facts = started.value
    for (const name of facts.removed) log.info({ name }, 'removed a half-made interface')
    knowledge = recordedKnowledge(facts.record)
    live.recall(facts)
    if (live.leaving.length > 0) sweeper.schedule()
    // A first look at the uplink, so that an ADD before the API answers gets the right MTU. Nothing is removed yet.
    if (hasRecord(facts)) await reconciler.settled()
    return ok(undefined)
  }

  const start: Run['start'] = async (cni, serve) => {
    const recalled = await recall()
    if (!recalled.ok) return recalled
    const features = await kernel.call('features')
    const runFolder = runFolderComplaints(config.directories.run, process.env)
    for (const complaint of runFolder) log.warn({ fault: faultText(complaint) }, 'a fault')
    const source = await startSource(config, nodeName, sink, log)
    if (!source.ok) return source
    if (!hasRecord(facts)) await Promise.race([firstSync.promise, systemClock.sleep(FIRST_SYNC_MS)])
    await settle(markers, log)
    serve((call) => handleCall(call, markers))
    const surroundings = kept(SURROUNDINGS_MS, () => [
      ...readSurroundings(knowledge.ranges),
      ...readPeerWays(report?.uplink, report?.network.peers ?? []),
      ...readFlowRoom(),
    ])
    const statusServer = await startStatusServer({
      socketPath: join(config.directories.run, 'agent.sock'),
      listen: listenOf(config),
      log,
      status: async () =>
        agentStatus({
          version: options.version,
          nodeName,
          startedAtMs,
          tables,
          ready: await live.status(),
          report,
          counts: live.counts(),
          endpoints: live.endpoints,
          hostPortsOf: (e) => live.hostPortsOf(e),
          surroundings: [...runFolder, ...surroundings()],
          features,
          drops: readDrops(),
        }),
    })
    const minute = setInterval(() => {
      look('a minute has passed', 'tables')
      void settle(markers, log)
    }, FULL_LOOK_MS)
    log.info({ nodeName, pods: live.endpoints.length, version: options.version }, 'agent is up')
    return ok({
      close: async () => {
        clearInterval(minute)
        reconciler.close()
        await source.value.close()
        // An ADD under way may wait for a link to go: the sweeper ends after it.
        await Promise.all([statusServer.close(), cni.close()])
        sweeper.close()
        await kernel.close()
      },
    })
  }
  return { look, start }
}

const hasRecord = (facts: StartFacts | undefined): boolean =>
  facts !== undefined && facts.record.ranges.length > 0

async function settle(markers: MarkedNetwork, log: Log): Promise<void> {
  for (const left of await markers.settleMarkers()) if (!left.ok) log.warn(left.error, 'a deferred DEL stays')
}

const verbsOf = (live: LiveNetwork): PodNetwork => ({
  add: (request) => live.add(request),
  del: (id) => live.del(id),
  check: (request) => live.check(request),
  status: () => live.status(),
  gc: (network, valid) => live.gc(network, valid),
})

function listenOf(config: Config): { host: string; port: number } | undefined {
  if (config.http === 'off') return undefined
  const parsed = parseListen(config.http.listen)
  return parsed.ok ? { host: parsed.value.host, port: parsed.value.port } : undefined
}

/** Each fault once, when it comes and when it goes: a retry every few seconds must not fill the log. */
function tellFaults(log: Log, before: Report | undefined, now: Report): void {
  const textsOf = (r: Report | undefined): Set<string> =>
    new Set([...(r?.faults ?? []), ...(r?.network.complaints ?? [])].map(faultText))
  const old = textsOf(before)
  const present = textsOf(now)
  for (const text of present) if (!old.has(text)) log.warn({ fault: text }, 'a fault')
  for (const text of old) if (!present.has(text)) log.info({ fault: text }, 'a fault is gone')
}

/** The value of `read`, at most so old. */
function kept<T>(forMs: number, read: () => T): () => T {
  let last: { readonly value: T; readonly atMs: number } | undefined
  return () => {
    const nowMs = systemClock.nowMs()
    if (!last || nowMs - last.atMs > forMs) last = { value: read(), atMs: nowMs }
    return last.value
  }
}
