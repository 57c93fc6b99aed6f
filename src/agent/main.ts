// The agent: the only place where the parts are wired. Inputs → tables → kernel Worker (plan and apply) → knowledge for
// the CNI verbs; a restart finds everything in the kernel.

import { mkdirSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Report } from '../apply/node.ts'
import { systemClock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { type Fault, faultText, ok, type Result } from '../base/result.ts'
import { withMarkers } from '../cni/markers.ts'
import type { PodNetwork } from '../cni/network.ts'
import { startCniServer } from '../cni/server.ts'
import { handleCall } from '../cni/verbs.ts'
import { inClusterConnection } from '../input/kubernetes/connection.ts'
import { readKubeconfig } from '../input/kubernetes/kubeconfig.ts'
import { startKubernetesSource } from '../input/kubernetes/source.ts'
import type { RowSink, Source } from '../input/source.ts'
import { startStaticSource } from '../input/static/source.ts'
import { AddressPool } from '../ipam/pool.ts'
import { readSurroundings } from '../observe/surroundings.ts'
import type { Config } from '../schema/config.ts'
import { parseListen } from '../schema/values.ts'
import { createTables } from '../state/tables.ts'
import { startKernel } from './kernel_client.ts'
import { type Knowledge, recordedKnowledge, reportedKnowledge } from './knowledge.ts'
import { LiveNetwork } from './network.ts'
import { createReconciler } from './reconciler.ts'
import { agentStatus } from './status.ts'
import { startStatusServer } from './status_server.ts'

export type AgentOptions = { readonly config: Config; readonly version: string; readonly log: Log }
export type Agent = { readonly close: () => Promise<void> }

/** Inputs are written at once; a burst of rows makes one run. */
const INPUT_DELAY_MS = 5
const NEIGHBOUR_DELAY_MS = 20
/** Our own ADDs and DELs are seen as changes too: they need no hurry. */
const KERNEL_DELAY_MS = 1_000
/** How long removed links gather before the kernel is made to wait for all of them at once. */
const SWEEP_DELAY_MS = 60
const SWEEP_RETRY_MS = 1_000

export async function startAgent(options: AgentOptions): Promise<Result<Agent>> {
  const { config, log } = options
  const nodeName = config.nodeName ?? process.env.NODE_NAME ?? hostname()
  const startedAtMs = Date.now()
  mkdirSync(config.directories.run, { recursive: true, mode: 0o700 })

  const kernel = startKernel({
    config,
    onLook: (why) =>
      reconciler.request(why, why.startsWith('neighbour') ? NEIGHBOUR_DELAY_MS : KERNEL_DELAY_MS),
    onDeath: (error) => {
      log.error(
        { error: error.stack },
        'the kernel worker died: ending, to start again from what the kernel has',
      )
      process.exit(70)
    },
  })
  const { tables, sink } = createTables(config.input.kind, (what) => {
    if (what !== 'pods') reconciler.request(what, INPUT_DELAY_MS)
  })
  let knowledge: Knowledge = recordedKnowledge([])
  let report: Report | undefined
  let surroundings: readonly Fault[] = []
  const live = new LiveNetwork({
    kernel,
    pool: new AddressPool(config.ipam.coolDownSeconds * 1000, systemClock.nowMs),
    tables,
    knowledge: () => knowledge,
    onDeleted: () => scheduleSweep(SWEEP_DELAY_MS),
  })
  const reconciler = createReconciler({
    clock: systemClock,
    log,
    run: () =>
      kernel.call('reconcile', {
        selfName: nodeName,
        nodes: [...tables.nodes.values()],
        sweep: tables.source.synced,
      }),
    onReport: async (next) => {
      tellFaults(log, report, next)
      report = next
      knowledge = reportedKnowledge(next)
      await live.correct(next.endpoints)
    },
  })
  let sweepTimer: NodeJS.Timeout | undefined
  const scheduleSweep = (delayMs: number): void => {
    sweepTimer ??= setTimeout(() => void sweep(), delayMs)
  }
  const sweep = async (): Promise<void> => {
    const gone = await kernel.call('sweep')
    sweepTimer = undefined
    live.gone(gone)
    if (live.leaving > 0) scheduleSweep(gone.length > 0 ? SWEEP_DELAY_MS : SWEEP_RETRY_MS)
  }

  const started = await kernel.call('start')
  if (!started.ok) {
    await kernel.close()
    return started
  }
  const features = await kernel.call('features')
  for (const name of started.value.removed) log.info({ name }, 'removed a half-made interface')
  knowledge = recordedKnowledge(started.value.recordedRanges)
  live.recall(started.value)
  if (live.leaving > 0) scheduleSweep(0)
  // A first look at the uplink, so that an ADD before the API answers gets the right MTU. Nothing is removed yet.
  await reconciler.settled()

  const markers = withMarkers(verbsOf(live), join(config.directories.run, 'deleted'), log)
  const cni = startCniServer({
    path: join(config.directories.run, 'cni.sock'),
    handle: (call) => handleCall(call, markers),
    log,
  })
  if (!cni.ok) {
    await kernel.close()
    return cni
  }
  for (const left of await markers.settleMarkers()) if (!left.ok) log.warn(left.error, 'a deferred DEL stays')

  const statusServer = await startStatusServer({
    socketPath: join(config.directories.run, 'agent.sock'),
    listen: listenOf(config),
    log,
    status: async () => {
      surroundings = readSurroundings(knowledge.ranges)
      return agentStatus({
        version: options.version,
        nodeName,
        startedAtMs,
        tables,
        ready: await live.status(),
        report,
        counts: live.counts(),
        endpoints: live.endpoints,
        hostPortsOf: (e) => live.hostPortsOf(e),
        surroundings,
        features,
      })
    },
  })
  const source = await startSource(config, nodeName, sink, log)
  if (!source.ok) {
    await Promise.all([statusServer.close(), cni.value.close()])
    await kernel.close()
    return source
  }
  log.info({ nodeName, pods: live.endpoints.length, version: options.version }, 'agent is up')
  return ok({
    close: async () => {
      reconciler.close()
      clearTimeout(sweepTimer)
      await source.value.close()
      await Promise.all([statusServer.close(), cni.value.close()])
      await kernel.close()
    },
  })
}

const verbsOf = (live: LiveNetwork): PodNetwork => ({
  add: (request) => live.add(request),
  del: (id) => live.del(id),
  check: (request) => live.check(request),
  status: () => live.status(),
  gc: (network, valid) => live.gc(network, valid),
})

async function startSource(
  config: Config,
  nodeName: string,
  sink: RowSink,
  log: Log,
): Promise<Result<Source>> {
  const common = { nodeName, sink, clock: systemClock, log }
  if (config.input.kind === 'static') return startStaticSource({ ...common, file: config.input.file })
  const { kubeconfig } = config.input
  const connection =
    kubeconfig === undefined ? inClusterConnection(process.env) : await readKubeconfig(kubeconfig)
  return connection.ok ? ok(startKubernetesSource({ ...common, connection: connection.value })) : connection
}

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
