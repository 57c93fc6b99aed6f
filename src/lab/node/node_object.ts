// The Node that the lab's kubelet registers, and its Ready condition, which follows the CNI program's STATUS.

import { release } from 'node:os'
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { Fault, Result } from '../../base/result.ts'
import { faultText } from '../../base/result.ts'
import type { LabApi } from '../api_client.ts'
import type { CniFolders } from './cni_plugin.ts'
import { collectGarbage, networkStatus, readConfigList } from './cni_runtime.ts'

export type NodeFacts = {
  readonly name: string
  readonly segment: string
  readonly addresses: readonly string[]
}

type Fields = Readonly<Record<string, unknown>>

const MOST_PODS = '500'

export function nodeObject(facts: Pick<NodeFacts, 'name' | 'segment'>): Fields {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: facts.name,
      labels: {
        'kubernetes.io/hostname': facts.name,
        'kubernetes.io/os': 'linux',
        'topology.kubernetes.io/zone': facts.segment,
      },
    },
  }
}

function nodeStatus(facts: NodeFacts, refusal: Fault | undefined, nowText: string): Fields {
  const resources = { cpu: '64', memory: '64Gi', pods: MOST_PODS }
  const ready = refusal
    ? {
        status: 'False',
        reason: 'KubeletNotReady',
        message: `the network is not ready: ${faultText(refusal)}`,
      }
    : { status: 'True', reason: 'KubeletReady', message: 'the lab posts ready status' }
  return {
    addresses: [
      ...facts.addresses.map((address) => ({ type: 'InternalIP', address })),
      { type: 'Hostname', address: facts.name },
    ],
    capacity: resources,
    allocatable: resources,
    conditions: [{ type: 'Ready', ...ready, lastHeartbeatTime: nowText, lastTransitionTime: nowText }],
    nodeInfo: {
      kubeletVersion: 'v1.32.0-podlane-lab',
      containerRuntimeVersion: 'podlane-lab://1',
      osImage: 'Podlane lab',
      operatingSystem: 'linux',
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      kernelVersion: release(),
    },
  }
}

export type NodeReadiness = {
  readonly refusal: () => Fault | undefined
  /** Resolves when the network was ready for the first time: pods that need one can be made. */
  readonly opened: Promise<void>
  readonly close: () => void
}

export type ReadinessOptions = {
  readonly facts: NodeFacts
  readonly api: LabApi
  readonly folders: CniFolders
  readonly clock: Clock
  readonly log: Log
}

/** A kubelet asks every five seconds; until it is ready the lab asks more often, so that «up» need not wait. */
const READY_EVERY_MS = 5000
const WAITING_EVERY_MS = 150

/** Registers the Node before anything else, since the agent gets its range from it; then keeps the condition true. */
export async function keepNode(options: ReadinessOptions): Promise<NodeReadiness> {
  const { api, clock, log, facts } = options
  const stop = new AbortController()
  let refusal: Fault | undefined = starting
  const nowText = (): string => `${new Date(clock.nowMs()).toISOString().slice(0, 19)}Z`
  const tell = (): Promise<Result<unknown>> =>
    api.ask('PATCH', `/api/v1/nodes/${facts.name}/status`, { status: nodeStatus(facts, refusal, nowText()) })

  while (!stop.signal.aborted) {
    const created = await api.ask('POST', '/api/v1/nodes', nodeObject(facts))
    const told = created.ok ? await tell() : created
    if (told.ok) break
    log.warn({}, faultText(told.error))
    await clock.sleep(500)
  }
  const { promise: opened, resolve: open } = Promise.withResolvers<void>()
  const watch = async (): Promise<void> => {
    let unreported = false
    let collected = false
    while (!stop.signal.aborted) {
      const next = await readiness(options.folders)
      const before = refusal && faultText(refusal)
      refusal = next.ok ? undefined : next.error
      if (next.ok && !collected) {
        collected = true
        await collectLeftovers(options)
        open()
      }
      unreported ||= before !== (refusal && faultText(refusal))
      if (unreported) {
        const told = await tell()
        log.info(
          { why: refusal && faultText(refusal) },
          refusal ? 'the node is not ready' : 'the node is ready',
        )
        unreported = !told.ok
      }
      await clock.sleep(refusal || unreported ? WAITING_EVERY_MS : READY_EVERY_MS, stop.signal)
    }
  }
  void watch()
  return { refusal: () => refusal, opened, close: () => stop.abort() }
}

const starting: Fault = {
  kind: 'starting',
  object: 'node',
  wanted: 'an answer of the CNI program',
  found: 'none asked for yet',
  next: 'wait',
}

/** This kubelet has no pod yet: whatever the network has is of an earlier life. */
async function collectLeftovers({ folders, log }: ReadinessOptions): Promise<void> {
  const list = readConfigList(folders)
  const done = list.ok ? await collectGarbage(list.value, [], folders) : list
  if (!done.ok) log.warn({}, faultText(done.error))
}

async function readiness(folders: CniFolders): Promise<Result<void>> {
  const list = readConfigList(folders)
  return list.ok ? networkStatus(list.value, folders) : list
}
