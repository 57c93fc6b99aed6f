// The agent: the only place where the parts are wired. Inputs → tables → kernel Worker (plan and apply) → knowledge for
// the CNI verbs; a restart finds everything in the kernel.

import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Log } from '../base/log.ts'
import { faultText, ok, type Result } from '../base/result.ts'
import type { CniCall, Reply } from '../cni/call.ts'
import { codes, errorReply } from '../cni/errors.ts'
import { type MarkedNetwork, withMarkers } from '../cni/markers.ts'
import type { PodNetwork } from '../cni/network.ts'
import { type CniServer, startCniServer } from '../cni/server.ts'
import { handleCall } from '../cni/verbs.ts'
import { newestVersion } from '../cni/versions.ts'
import type { Config } from '../schema/config.ts'
import { Core } from './core.ts'
import { tellDrops } from './drop_log.ts'
import { startSource } from './input.ts'
import { type KernelClient, startKernel } from './kernel_client.ts'
import type { LiveNetwork } from './network.ts'
import { secureRunFolder } from './run_folder.ts'
import { serveStatus } from './serve_status.ts'

export type AgentOptions = { readonly config: Config; readonly version: string; readonly log: Log }
export type Agent = {
  readonly close: () => Promise<void>
  /** What somebody has found out of the paths to peers. */
  readonly observe: Core['observe']
}

/** Whatever no event told is found by then. */
const FULL_LOOK_MS = 60_000
/** How often the flow table is counted and rid of what is void: a full one takes the Worker some milliseconds. */
const FLOWS_MS = 10_000
/** How long the first CNI calls of a node without a record wait for the first sync. */
const FIRST_SYNC_MS = 3_000

type Handler = (call: CniCall) => Promise<Reply>
type Parts = AgentOptions & {
  readonly nodeName: string
  readonly kernel: KernelClient
  readonly core: Core
  readonly cni: CniServer
  readonly serve: (handler: Handler) => void
}

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
    onLook: (why, urgency) => core.look(why, urgency),
    onDeath: (error) => {
      log.error(
        { error: error.stack },
        'the kernel worker died: ending, to start again from what the kernel has',
      )
      process.exit(70)
    },
    onDrop: tellDrops(log),
    onAttached: ({ changes, faults }) => {
      for (const change of changes) log.info({ change }, 'kernel changed')
      for (const refused of faults) log.info({ fault: faultText(refused) }, 'a pod waits for its programs')
    },
  })
  const nodeName = config.nodeName ?? process.env.NODE_NAME ?? hostname()
  const core = new Core({ config, nodeName, kernel, log })
  const started = await run({ ...options, nodeName, kernel, core, cni: cni.value, serve: handler.resolve })
  if (started.ok) return started
  handler.resolve(async () => errorReply(cannotStart(faultText(started.error)), newestVersion))
  await cni.value.close()
  core.close()
  await kernel.close()
  return started
}

const cannotStart = (details: string) => ({
  code: codes.tryAgain,
  msg: 'the Podlane agent cannot start',
  details,
})

async function run(parts: Parts): Promise<Result<Agent>> {
  const { config, log, core, kernel, nodeName } = parts
  const recalled = await core.recall()
  if (!recalled.ok) return recalled
  const statusServer = await serveStatus(parts)
  const source = await startSource(config, nodeName, core.sink, log)
  if (!source.ok) {
    await statusServer.close()
    return source
  }
  await core.ready(FIRST_SYNC_MS)
  const markers = withMarkers(verbsOf(core.live), join(config.directories.run, 'deleted'), log)
  await settle(markers, log)
  parts.serve((call) => handleCall(call, markers))
  const minute = setInterval(() => {
    core.observe([])
    core.look('a minute has passed', 'tables')
    void settle(markers, log)
  }, FULL_LOOK_MS)
  const flows = setInterval(() => void kernel.call('sweepFlows'), FLOWS_MS)
  log.info({ nodeName, pods: core.live.endpoints.length, version: parts.version }, 'agent is up')
  return ok({
    observe: (health, nowMs) => core.observe(health, nowMs),
    close: async () => {
      clearInterval(minute)
      clearInterval(flows)
      core.stopLooking()
      await source.value.close()
      // An ADD under way may wait for a link to go: the sweeper ends after it.
      await Promise.all([statusServer.close(), parts.cni.close()])
      core.close()
      await kernel.close()
    },
  })
}

async function settle(markers: MarkedNetwork, log: Log): Promise<void> {
  for (const left of await markers.settleMarkers()) if (!left.ok) log.warn(left.error, 'a deferred DEL stays')
}

const verbsOf = (live: LiveNetwork): PodNetwork => ({
  add: (request) => live.add(request),
  del: (id, hostIndex) => live.del(id, hostIndex),
  check: (request) => live.check(request),
  status: () => live.status(),
  surplus: (network, valid) => live.surplus(network, valid),
})
