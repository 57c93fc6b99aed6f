// What the agent is asked about itself, gathered: from the kernel, the host around it and what the agent knows.

import { join } from 'node:path'
import { steadyClock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { faultText } from '../base/result.ts'
import { readCoreTimes } from '../observe/core_times.ts'
import { readDrops } from '../observe/drops.ts'
import { readFlowRoom } from '../observe/flow_room.ts'
import { readHostRules } from '../observe/host_rules.ts'
import { lastKnown } from '../observe/last_known.ts'
import { passedRules } from '../observe/passed_rules.ts'
import { readPeerWays } from '../observe/peer_ways.ts'
import { sharedReading } from '../observe/shared_reading.ts'
import { readSilentPeers } from '../observe/silent_peers.ts'
import { barriersFor } from '../observe/surroundings.ts'
import type { AgentStatus } from '../schema/agent_status.ts'
import type { Config } from '../schema/config.ts'
import { expositionText } from '../schema/exposition.ts'
import { parseListen } from '../schema/values.ts'
import { AdviceAnswers } from './advice_answer.ts'
import type { Core } from './core.ts'
import { cpuMetrics } from './cpu_metrics.ts'
import { cureMetric } from './cure_metric.ts'
import { createExplain } from './explain.ts'
import type { KernelClient } from './kernel_client.ts'
import { switchLane } from './lane_switch.ts'
import { metricsOf, type Usage } from './metrics.ts'
import { probeMetrics } from './probe_metrics.ts'
import { startProbing } from './probing.ts'
import { ProfileAnswers } from './profile_answer.ts'
import { TrafficCounts } from './profile_traffic.ts'
import { runFolderComplaints } from './run_folder.ts'
import { servePaths } from './serve_paths.ts'
import { SOCKETS_FEATURE, socketsText } from './sockets_text.ts'
import { agentStatus, type CountsInput, countsView } from './status.ts'
import { type Answer, type Question, type StatusServer, startStatusServer } from './status_server.ts'

export type AskedOptions = {
  readonly config: Config
  readonly version: string
  readonly log: Log
  readonly nodeName: string
  readonly kernel: KernelClient
  readonly core: Core
}

/** Looking at the host's other tables starts programs: not for every question about the status. */
const SURROUNDINGS_MS = 10_000
/** With a thousand peers an answer takes tens of milliseconds of the main thread, and whoever is on this host may ask. */
const ANSWER_MS = 1_000

export async function serveStatus({
  config,
  log,
  version,
  nodeName,
  core,
  kernel,
}: AskedOptions): Promise<StatusServer> {
  const startedAtMs = Date.now()
  const features = await kernel.call('features')
  const probing = startProbing({ config, core, kernel, onNews: (health) => core.observe(health) })
  const runFolder = runFolderComplaints(config.directories.run, process.env)
  for (const complaint of runFolder) log.warn({ fault: faultText(complaint) }, 'a fault')
  const readAround = async () => {
    const peers = await kernel.call('peers')
    const rules = await readHostRules()
    const faults = [
      ...barriersFor(core.knowledge.ranges, rules),
      ...readPeerWays(core.report?.uplink, peers),
      ...readSilentPeers(core.report?.uplink, peers),
      ...readFlowRoom(),
      ...probing.faults(),
    ]
    return { faults, passed: passedRules(rules) }
  }
  const surroundings = lastKnown(SURROUNDINGS_MS, readAround, steadyClock)
  const { live, tables } = core
  // Once now, so that there is something to show.
  await kernel.call('sweepFlows')
  /** Of the metrics alone: who looks with older counts than another has seen would count them twice. */
  const traffic = new TrafficCounts()
  const counts = async (): Promise<CountsInput> => ({
    tables,
    peers: await kernel.call('peers'),
    endpoints: live.endpoints,
    hostPortsOf: (e) => live.hostPortsOf(e),
    fastLane: await kernel.call('fastLane'),
    podCounts: await kernel.call('podCounts'),
  })
  const status = async (): Promise<AgentStatus> => {
    const { faults, passed } = await surroundings()
    return agentStatus({
      ...(await counts()),
      version,
      nodeName,
      startedAtMs,
      ready: await live.status(),
      report: core.report,
      counts: live.counts(),
      surroundings: [...runFolder, ...faults],
      passed,
      features: { ...features, [SOCKETS_FEATURE]: socketsText(await kernel.call('sockets')) },
      drops: readDrops(),
    })
  }
  const profile = new ProfileAnswers(config.profile, async () => countsView(await counts()))
  const counted = async () => ({ ...countsView(await counts()), uplink: core.report?.uplink })
  const advice = new AdviceAnswers(counted, profile.measured)
  const paths = servePaths({ config, core, kernel, probing, costs: () => profile.costs })
  const pathsNow = sharedReading(ANSWER_MS, paths.report)
  const exposition = sharedReading(ANSWER_MS, async () => {
    const now = await status()
    const seen = traffic.look(now)
    const metrics = [
      ...metricsOf(now, seen.totals, usage()),
      ...cpuMetrics(readCoreTimes()),
      ...probeMetrics(probing.measures()),
      ...(await profile.metrics(seen)),
      cureMetric(core.cures),
    ]
    return expositionText(metrics)
  })
  const server = await startStatusServer({
    socketPath: join(config.directories.run, 'agent.sock'),
    listen: listenOf(config),
    log,
    setLane: async (request) => switchLane(request, core, await kernel.call('peers')),
    status,
    questions: new Map<string, Question>([
      ['/status', async () => answered(await status())],
      ['/metrics', async () => answered(await exposition())],
      ['/paths', async () => answered(await pathsNow())],
      ['/healthz', async () => answered({ ok: true })],
    ]),
    rootQuestions: new Map<string, Question>([
      ['/explain', createExplain({ config, nodeName, kernel, core, costs: () => profile.costs })],
      ['/profile', (query) => profile.answer(query)],
      ['/advice', (query) => advice.answer(query)],
    ]),
  })
  return {
    close: async () => {
      paths.close()
      probing.close()
      advice.close()
      profile.close()
      await server.close()
    },
  }
}

const answered = (body: object | string): Answer => ({ code: 200, body })

/** Of this process. */
function usage(): Usage {
  const { user, system } = process.cpuUsage()
  return { rssBytes: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6 }
}

function listenOf(config: Config): { host: string; port: number } | undefined {
  if (config.http === 'off') return undefined
  const parsed = parseListen(config.http.listen)
  return parsed.ok ? { host: parsed.value.host, port: parsed.value.port } : undefined
}
