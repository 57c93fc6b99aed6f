// Five hundred pods on one node, a tenth of them deleted and added again every second for a minute; then all are
// deleted, and nothing of them may be left anywhere.

import { writeFileSync } from 'node:fs'
import { removeNetns } from '../src/kernel/netns.ts'
import {
  type AgentProcess,
  agentServes,
  descriptorsOf,
  memoryOf,
  podlanePlugin,
  startAgentProcess,
} from './lib/agent_process.ts'
import { type Figure, single } from './lib/figures.ts'
import { type Call, callPlugin, type Plugin, type Pod, tookMs } from './lib/launcher.ts'
import { ip, makeNamespace, makeNode } from './lib/node_namespace.ts'
import { FOLDER } from './lib/sandbox.ts'
import { quantile, spreadOf } from './lib/statistics.ts'
import { leftOver, standing } from './scale_standing.ts'

export type PodsOptions = { readonly pods: number; readonly seconds: number; readonly atOnce: number }

const SHARE = 0.1
/** As a cluster has it by default: the range must hold what rests besides what runs. */
const COOL_DOWN_SECONDS = 30
const RANGE = '10.88.0.0/20'

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export async function measurePods(options: PodsOptions): Promise<readonly Figure[]> {
  const node = makeNode('crowded', { ip: ip('192.0.2.1'), prefixLength: 24 })
  const agent = startAgent(node.path)
  await agentServes(agent)
  const plugin: Plugin = { name: 'podlane', node: node.path, ...podlanePlugin(agent) }
  await warmUp(plugin)
  const before = standing(node.path)
  const descriptors = await fewestDescriptors(agent.pid)
  const churned = await churn(plugin, agent, options)
  // What rests goes by itself; everything else is to be gone long before.
  await sleep((COOL_DOWN_SECONDS + 3) * 1000)
  const left = leftOver(before, standing(node.path))
  for (const line of left) console.error(`left over: ${line}`)
  const open = Math.max(0, (await fewestDescriptors(agent.pid)) - descriptors)
  if (open > 0) console.error(`left open: ${open} descriptors`)
  const { rssMb, peakMb } = memoryOf(agent.pid)
  await agent.close()
  const mb = { unit: 'MB' }
  return [
    { name: 'pods500.rss.mb', ...mb, ...spreadOf(churned.rssMb), goal: { atMost: 100 } },
    { name: 'pods500.rss-peak.mb', ...mb, ...single(peakMb) },
    { name: 'pods500.rss-after.mb', ...mb, ...single(rssMb) },
    { name: 'pods500.leaks', unit: 'objects', ...single(left.length + open), goal: { atMost: 0 } },
    { name: 'pods500.calls', unit: 'calls', ...single(churned.addMs.length + churned.delMs.length) },
    { name: 'pods500.add.p50.ms', unit: 'ms', ...spreadOf(churned.addMs) },
    { name: 'pods500.add.p99.ms', unit: 'ms', ...single(quantile(churned.addMs, 0.99)) },
    { name: 'pods500.del.p50.ms', unit: 'ms', ...spreadOf(churned.delMs) },
  ]
}

function startAgent(node: string): AgentProcess {
  const input = `${FOLDER}/crowded-nodes.yaml`
  writeFileSync(input, `nodes:\n- { name: a, addresses: [192.0.2.1], podCIDRs: [${RANGE}] }\n`)
  const ipam = `ipam: { coolDownSeconds: ${COOL_DOWN_SECONDS} }`
  return startAgentProcess(
    'crowded-agent',
    node,
    `nodeName: a\ninput: { kind: static, file: ${input} }\n${ipam}`,
  )
}

/** What is open for a moment only (a program that is asked once a minute) is no leak. */
async function fewestDescriptors(pid: number): Promise<number> {
  const counts: number[] = []
  for (let i = 0; i < 10; i++) {
    counts.push(descriptorsOf(pid))
    await sleep(100)
  }
  return Math.min(...counts)
}

/** The first call opens what then stays open. */
async function warmUp(plugin: Plugin): Promise<void> {
  const pod = { containerId: 'warm-up', netns: makeNamespace('warm-up') }
  callPlugin(plugin, 'ADD', [pod])
  callPlugin(plugin, 'DEL', [pod])
  await sleep(1000)
}

/**
 * Any call that fails ends the bench. As with a real runtime every sandbox has a new ID and a new namespace, which ends
 * as soon as DEL has answered.
 */
async function churn(plugin: Plugin, agent: AgentProcess, { pods: count, seconds, atOnce }: PodsOptions) {
  const addMs: number[] = []
  const delMs: number[] = []
  const rssMb: number[] = []
  let made = 0
  const fresh = (): Pod => {
    const containerId = `sandbox-${made++}`
    return { containerId, netns: makeNamespace(containerId) }
  }
  const end = (leaving: readonly Pod[]): readonly Call[] => {
    const calls = callPlugin(plugin, 'DEL', leaving, atOnce)
    for (const { netns } of leaving) removeNetns(netns)
    return calls
  }
  let pods = Array.from({ length: count }, fresh)
  callPlugin(plugin, 'ADD', pods, atOnce)
  for (let second = 0; second < seconds; second++) {
    const endMs = performance.now() + 1000
    const shuffled = pods.map((pod) => ({ pod, at: Math.random() })).sort((a, b) => a.at - b.at)
    const order = shuffled.map(({ pod }) => pod)
    const leaving = order.slice(0, Math.round(order.length * SHARE))
    const coming = leaving.map(fresh)
    delMs.push(...end(leaving).map(tookMs))
    addMs.push(...callPlugin(plugin, 'ADD', coming, atOnce).map(tookMs))
    pods = [...order.slice(leaving.length), ...coming]
    rssMb.push(memoryOf(agent.pid).rssMb)
    const leftMs = endMs - performance.now()
    if (leftMs < 0) console.error(`second ${second} took ${Math.round(1000 - leftMs)} ms`)
    await sleep(Math.max(0, leftMs))
  }
  end(pods)
  return { addMs, delMs, rssMb }
}
