// A thousand nodes: how long until all of them are in the kernel, how long until one more or one less is, and the
// memory that it takes.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type AgentProcess, memoryOf, startAgentProcess } from './lib/agent_process.ts'
import { type Figure, single } from './lib/figures.ts'
import { KernelWatch } from './lib/kernel_watch.ts'
import { makeNode } from './lib/node_namespace.ts'
import { FOLDER } from './lib/sandbox.ts'
import { quantile, spreadOf } from './lib/statistics.ts'
import type { Asked, Order } from './scale_api.ts'
import { addressOf, isOnSegment, podRangeOf, SELF, SELF_ADDRESS } from './scale_cluster.ts'

export type NodesOptions = { readonly nodes: number; readonly starts: number; readonly changes: number }

const REST_MS = 3_000
const PAUSE_MS = 150

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export async function measureNodes({ nodes, starts, changes }: NodesOptions): Promise<readonly Figure[]> {
  const syncs: number[] = []
  const sourceSyncs: number[] = []
  const memories: { rssMb: number; peakMb: number }[] = []
  let changesMs: readonly number[] = []
  for (let start = 0; start < starts; start++) {
    // Every start on a fresh node: nothing stands in its kernel.
    const cluster = await startCluster(`scale-${start}`, nodes, changes)
    const { agent, firstMs, fromSourceMs } = await firstSync(cluster, nodes)
    syncs.push(firstMs)
    sourceSyncs.push(fromSourceMs)
    if (start === starts - 1) changesMs = await measureChanges(cluster, nodes, changes)
    await sleep(REST_MS)
    memories.push(memoryOf(agent.pid))
    console.error(
      `1,000 nodes, start ${start + 1}: ${JSON.stringify({ firstMs, fromSourceMs, ...memories.at(-1) })}`,
    )
    await agent.close()
    cluster.watch.close()
    cluster.api.kill()
  }
  const ms = { unit: 'ms' }
  const mb = { unit: 'MB' }
  return [
    { name: 'nodes1000.sync.ms', ...ms, ...spreadOf(syncs), goal: { atMost: 3000 } },
    { name: 'nodes1000.sync-from-source.ms', ...ms, ...spreadOf(sourceSyncs) },
    { name: 'nodes1000.change.ms', ...ms, ...spreadOf(changesMs), goal: { atMost: 100 } },
    { name: 'nodes1000.change.p99.ms', ...ms, ...single(quantile(changesMs, 0.99)) },
    { name: 'nodes1000.rss.mb', ...mb, ...spreadOf(memories.map((m) => m.rssMb)), goal: { atMost: 120 } },
    { name: 'nodes1000.rss-peak.mb', ...mb, ...spreadOf(memories.map((m) => m.peakMb)) },
  ]
}

type Cluster = Awaited<ReturnType<typeof startCluster>>

async function startCluster(name: string, nodes: number, changes: number) {
  const all = Array.from({ length: nodes + changes }, (_, i) => i)
  const node = makeNode(name, SELF_ADDRESS, all.filter(isOnSegment).map(addressOf))
  const script = fileURLToPath(new URL('./scale_api.ts', import.meta.url))
  const api = spawn('nsenter', [`--net=${node.path}`, process.execPath, script, String(nodes)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const [kubeconfig] = await once(api, 'message')
  const kubeconfigFile = `${FOLDER}/${name}.kubeconfig`
  writeFileSync(kubeconfigFile, String(kubeconfig))
  return { name, node, api, kubeconfigFile, watch: new KernelWatch(node.path) }
}

async function firstSync(cluster: Cluster, nodes: number) {
  const { name, node, api, kubeconfigFile, watch } = cluster
  const config = `nodeName: ${SELF}\ninput: { kind: kubernetes, kubeconfig: ${kubeconfigFile} }`
  const asked = once(api, 'message')
  const begunMs = performance.now()
  const agent: AgentProcess = startAgentProcess(`${name}-agent`, node.path, config)
  const offSegment = Math.floor(nodes / 2)
  const full = (): boolean => watch.routes.size === nodes && watch.fdb.size === offSegment
  const doneMs = await watch.until('the first sync', full, 60_000)
  const [{ askedAtMs }] = (await asked) as [Asked]
  const fromSourceMs = performance.timeOrigin + doneMs - askedAtMs
  return { agent, firstMs: doneMs - begunMs, fromSourceMs }
}

/** One node more, then the same one less, on the segment and off it by turns. */
async function measureChanges({ api, watch }: Cluster, nodes: number, changes: number): Promise<number[]> {
  const took: number[] = []
  await sleep(REST_MS)
  for (let i = nodes; i < nodes + changes; i++) {
    for (const verb of ['create', 'remove'] as const) {
      const present = verb === 'create'
      const there = (): boolean =>
        watch.routes.has(podRangeOf(i)) === present &&
        (isOnSegment(i) || watch.fdb.has(addressOf(i)) === present)
      const begunMs = performance.now()
      api.send({ verb, node: i } satisfies Order)
      took.push((await watch.until(`${verb} of node ${i}`, there)) - begunMs)
      await sleep(PAUSE_MS * (0.5 + Math.random()))
    }
  }
  return took
}
