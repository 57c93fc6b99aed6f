// The kernel Worker: the one thread that changes the kernel, and that hears of changes by others.

import { parentPort, workerData } from 'node:worker_threads'
import { createFastLane } from '../apply/fast_lane/fast_lane.ts'
import { createFirewall } from '../apply/firewall.ts'
import { NodeKernel } from '../apply/node.ts'
import { createSockets } from '../apply/sockets/sockets.ts'
import { watchKernel } from '../apply/watch.ts'
import { systemClock } from '../base/clock.ts'
import { probeFeatures } from '../observe/features.ts'
import type { Peer } from '../plan/peers.ts'
import type { Config } from '../schema/config.ts'
import type { NodeRow } from '../state/rows.ts'
import { createAttaching } from './attaching.ts'
import type { AgentInput, AgentReport, Call, KernelCalls, PlannedPaths, Said } from './kernel_protocol.ts'
import { applyNodeDelta } from './node_delta.ts'

const config = (workerData as { config: Config }).config
const port = parentPort
if (!port) throw new Error('the kernel worker is started by the agent, not by itself')

const say = (said: Said): void => port.postMessage(said)
const fastLane = createFastLane(config, ({ kind, why }) => {
  if (kind === 'drop') say({ dropped: why })
  // What the kernel says of a neighbour counts, and it may have heard the same; this only makes us ask now.
  else say({ look: why, urgency: 'now' })
})
const sockets = createSockets(config)
const node = new NodeKernel(config, createFirewall(config), fastLane, sockets)
watchKernel({
  look: (look, urgency) => say({ look, urgency }),
  isUplink: (index) => node.isUplink(index),
})

/** BOUNDED by the nodes of the cluster. */
const nodes = new Map<string, NodeRow>()
let peers: readonly Peer[] = []
let lingering: NodeJS.Timeout | undefined

function reconcile(input: AgentInput): AgentReport {
  applyNodeDelta(nodes, input.nodes)
  const report = node.reconcile({ ...input, nodes: [...nodes.values()] })
  const { ownRanges, underlay, podMtuBytes, complaints } = report.network
  peers = report.network.peers
  clearTimeout(lingering)
  const ms = node.lingersForMs
  if (ms !== undefined)
    lingering = setTimeout(() => say({ look: 'a tunnel that nobody needs', urgency: 'soon' }), ms).unref()
  return { ...report, network: { ownRanges, underlay, podMtuBytes, complaints } }
}

const plannedPaths = ({ name, address, onLink, path, why, workaround, ranges }: Peer): PlannedPaths => ({
  ...{ name, address, onLink, path, why, workaround },
  ranges: ranges.map((r) => ({ cidr: r.cidr, path: r.path, mtuBytes: r.mtuBytes })),
})

const calls: KernelCalls = {
  start: () => node.start(),
  reconcile,
  peers: () => peers,
  plannedPaths: () => peers.map(plannedPaths),
  wire: (request) => node.wire(request),
  unwire: (endpoint) => node.unwire(endpoint),
  forget: (endpoint) => node.forget(endpoint),
  sweep: (leaving) => node.sweep(leaving),
  check: (endpoint, claim) => node.check(endpoint, claim),
  features: probeFeatures,
  // The wish counts from the next reconcile on.
  setLane: fastLane.setLane,
  fastLane: fastLane.status,
  countedPaths: fastLane.countedPaths,
  podCounts: fastLane.podCounts,
  sweepFlows: fastLane.sweep,
  sockets: sockets.status,
}

const attaching = createAttaching({
  next: () => {
    const outcome = fastLane.attachNext()
    if (outcome) say({ attached: outcome })
    return outcome !== undefined
  },
  clock: systemClock,
})
const BUSY: readonly (keyof KernelCalls)[] = ['wire', 'unwire', 'sweep']

port.on('message', ({ id, name, args }: Call) => {
  // One cast at the thread boundary: both sides are typed by KernelCalls.
  const run = calls[name] as (...given: readonly unknown[]) => unknown
  say({ id, value: run(...args) })
  if (BUSY.includes(name)) attaching.busy()
  else if (name === 'reconcile') attaching.look()
})
