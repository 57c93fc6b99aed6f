// Brings a lab up in steps that a person can follow: network, API server, nodes, pods. Whoever runs the steps shows
// them; a step that fails names what it was about and leaves everything for a look, or for «down».

import { type Err, type Fault, fault, ok, type Result } from '../base/result.ts'
import { openLabApi } from './api_client.ts'
import { startControlPlane, startNode, writeNode } from './background.ts'
import { labLeftovers, makeFolders, missingFolders, takeDown } from './down.ts'
import { nodeObject } from './node/node_object.ts'
import { kubeconfigFile, labFile } from './paths.ts'
import { podNames, podObjects } from './pod_objects.ts'
import { isAlive, recordOf } from './processes.ts'
import { type LabOptions, type LabRecord, readProcesses, readRecord, writeRecord } from './record.ts'
import { planTopology, type Topology } from './topology.ts'
import { makeHub, makeNode } from './underlay.ts'
import { untilReady } from './waiting.ts'

export type Step = {
  readonly title: string
  /** `say` tells how far it is. */
  readonly run: (say: (progress: string) => void) => Promise<Result<void>>
}

export const usualOptions: LabOptions = {
  nodes: 3,
  pods: 2,
  segments: 1,
  families: 'ipv4',
  pathMode: 'auto',
  mtuBytes: 1500,
  lane: 'fast',
  agent: true,
}

const MOST_PODS = 100

/** The steps to run in order, or why there can be no lab. What an earlier one left is removed by the first. */
export function labSteps(options: LabOptions): Result<readonly Step[]> {
  const topology = planTopology(options)
  if (!topology.ok) return topology
  const obstacle = wrongPods(options.pods) ?? notRoot() ?? runningLab()
  if (obstacle) return obstacle
  const plan = topology.value
  const nodes = plan.nodes.map((n) => n.name)
  const leftovers: Step = {
    title: 'Remove what an earlier lab left',
    run: async () => {
      const removed = await takeDown()
      return removed.ok ? ok(undefined) : removed
    },
  }
  return ok([
    ...(labLeftovers() ? [leftovers] : []),
    { title: networkTitle(plan), run: async () => makeNetwork(plan, options) },
    { title: 'API server', run: () => startControlPlane(plan) },
    {
      title: count(nodes.length, 'node'),
      run: (say) => startNodes(plan, options, say),
    },
    {
      title: count(nodes.length * options.pods, 'pod'),
      run: (say) => makePods(nodes, options.pods, say),
    },
  ])
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`
const networkTitle = ({ segments, nodes }: Topology): string =>
  `Network: ${count(nodes.length, 'namespace')} on ${count(segments.length, 'segment')}, router, outside`

function makeNetwork(plan: Topology, options: LabOptions): Result<void> {
  const maker = recordOf(process.pid)
  if (!maker) throw new Error('this process is not in /proc')
  const madeFolders = [...missingFolders()]
  const record: LabRecord = {
    options,
    startedAt: new Date().toISOString(),
    phase: 'starting',
    maker,
    madeFolders,
  }
  // Before anything is made, so that «down» knows of it.
  writeRecord(record)
  makeFolders(madeFolders)
  makeHub(plan)
  for (const node of plan.nodes) makeNode(node, plan.mtuBytes)
  return ok(undefined)
}

async function startNodes(
  plan: Topology,
  options: LabOptions,
  say: (progress: string) => void,
): Promise<Result<void>> {
  const api = await openLabApi(kubeconfigFile)
  if (!api.ok) return api
  for (const node of plan.nodes) {
    // Its kubelet would register it too; this gives the first range to the first node.
    const made = await api.value.ask('POST', '/api/v1/nodes', nodeObject(node))
    if (!made.ok) return made
    writeNode(node, options)
    startNode(node.name)
  }
  api.value.close()
  return untilReady(
    '/api/v1/nodes',
    plan.nodes.map((n) => n.name),
    say,
  )
}

async function makePods(
  nodes: readonly string[],
  perNode: number,
  say: (progress: string) => void,
): Promise<Result<void>> {
  const api = await openLabApi(kubeconfigFile)
  if (!api.ok) return api
  for (const pod of podObjects(nodes, perNode)) {
    const made = await api.value.ask('POST', '/api/v1/namespaces/default/pods', pod)
    if (!made.ok) return made
  }
  api.value.close()
  const ready = await untilReady('/api/v1/pods', podNames(nodes, perNode), say)
  const record = readRecord()
  if (ready.ok && record) writeRecord({ ...record, phase: 'up' })
  return ready
}

/** A lab whose every process runs; anything less is a leftover. */
export function isUp(): boolean {
  const processes = [...readProcesses().values()]
  return readRecord()?.phase === 'up' && processes.length > 0 && processes.every(isAlive)
}

function runningLab(): Err<Fault> | undefined {
  const record = readRecord()
  const object = `the lab under ${labFile}`
  const next = 'run «podlane lab down» first: there is one lab at a time'
  if (isUp()) return fault('lab', object, 'no lab yet', `one that is up since ${record?.startedAt}`, next)
  if (record?.phase === 'starting' && record.maker.pid !== process.pid && isAlive(record.maker))
    return fault('lab', object, 'no lab yet', `process ${record.maker.pid} is making one`, 'wait for it')
  return undefined
}

function notRoot(): Err<Fault> | undefined {
  if (process.getuid?.() === 0) return undefined
  return fault('lab', 'the lab', 'root, to make namespaces', `user ${process.getuid?.()}`, 'run it with sudo')
}

function wrongPods(pods: number): Err<Fault> | undefined {
  if (Number.isInteger(pods) && pods >= 0 && pods <= MOST_PODS) return undefined
  const wanted = `a whole number from 0 to ${MOST_PODS}`
  return fault('bad-option', '--pods', wanted, String(pods), 'correct the option')
}
