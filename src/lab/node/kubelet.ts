// The lab's kubelet: keeps the pods of one node as the API wants them. An event only says «look again at this pod»;
// one look at a time for each pod, and one that failed is repeated.

import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import { type Fault, faultText } from '../../base/result.ts'
import { Backoff } from '../../input/kubernetes/backoff.ts'
import { ApiClient, defaultLimits } from '../../input/kubernetes/client.ts'
import { reflect } from '../../input/kubernetes/reflector.ts'
import type { Resource } from '../../input/kubernetes/resource.ts'
import { uidFromApi } from '../../schema/kubernetes.ts'
import type { LabApi } from '../api_client.ts'
import type { CniFolders } from './cni_plugin.ts'
import { type PodSpec, podName, podSpecFromApi } from './pod_spec.ts'
import { podStatus } from './pod_status.ts'
import { Sandbox } from './sandbox.ts'

export type KubeletOptions = {
  readonly node: string
  readonly nodeAddresses: readonly string[]
  readonly api: LabApi
  readonly clock: Clock
  readonly log: Log
  readonly folders: CniFolders
  readonly logFd: number
  /** Pods with a network of their own wait for it. */
  readonly networkOpened: Promise<void>
}

/** What is known of one pod. */
type Entry = {
  pod: PodSpec | undefined
  sandbox: Sandbox | undefined
  /** The last status that the API took, without its times. */
  reported: string
  running: boolean
  again: boolean
  readonly backoff: Backoff
}

export type Kubelet = {
  readonly pods: () => readonly { readonly pod: PodSpec; readonly sandbox: Sandbox | undefined }[]
  /** Ends the watch; pods go on. */
  readonly close: () => Promise<void>
}

export function startKubelet(options: KubeletOptions): Kubelet {
  const { api, clock, log, node } = options
  // BOUNDED by the pods of this node.
  const entries = new Map<string, Entry>()
  const stop = new AbortController()
  let isOpen = false
  void options.networkOpened.then(() => {
    isOpen = true
    for (const uid of entries.keys()) look(uid)
  })

  const look = (uid: string): void => {
    const entry = entries.get(uid)
    if (!entry) return
    entry.again = true
    if (!entry.running) void work(uid, entry)
  }
  const work = async (uid: string, entry: Entry): Promise<void> => {
    entry.running = true
    while (entry.again && !stop.signal.aborted) {
      entry.again = false
      const fault = await step(entry, options, isOpen, () => look(uid))
      if (!fault) {
        entry.backoff.reset()
        continue
      }
      log.warn({ pod: entry.pod ? podName(entry.pod) : uid }, faultText(fault))
      entry.again = true
      await clock.sleep(entry.backoff.nextMs(), stop.signal)
    }
    entry.running = false
    if (!entry.pod && !entry.sandbox) entries.delete(uid)
  }
  const set = (uid: string, pod: PodSpec | undefined): void => {
    const backoff = (): Backoff => new Backoff({ baseMs: 100, firstCapMs: 2000, capMs: 5000 })
    const entry = entries.get(uid) ?? fresh(backoff())
    entries.set(uid, entry)
    entry.pod = pod
    look(uid)
  }

  const resource: Resource<PodSpec> = {
    name: 'pods',
    path: '/api/v1/pods',
    fieldSelector: `spec.nodeName=${node}`,
    parse: podSpecFromApi,
    keyOf: uidFromApi,
    upsert: (pod) => set(pod.metadata.uid, pod),
    remove: (uid) => set(uid, undefined),
    replace: (pods) => {
      const listed = new Set(pods.map((p) => p.metadata.uid))
      for (const uid of entries.keys()) if (!listed.has(uid)) set(uid, undefined)
      for (const pod of pods) set(pod.metadata.uid, pod)
    },
  }
  const watching = reflect({
    client: new ApiClient(api.connection, clock, defaultLimits),
    resource,
    clock,
    log,
    limits: defaultLimits,
    pageSize: 500,
    backoff: new Backoff({ baseMs: 100, firstCapMs: 1000 }),
    random: Math.random,
    signal: stop.signal,
    report: () => {},
  })
  return {
    pods: () => [...entries.values()].flatMap(({ pod, sandbox }) => (pod ? [{ pod, sandbox }] : [])),
    close: async () => {
      stop.abort()
      await watching
    },
  }
}

const fresh = (backoff: Backoff): Entry => ({
  pod: undefined,
  sandbox: undefined,
  reported: '',
  running: false,
  again: false,
  backoff,
})

/** One look: a fault says that it must be repeated. */
async function step(
  entry: Entry,
  options: KubeletOptions,
  isOpen: boolean,
  onChange: () => void,
): Promise<Fault | undefined> {
  const { pod } = entry
  const ended = pod !== undefined && ['Succeeded', 'Failed'].includes(pod.status.phase)
  if (!pod || pod.metadata.deletionTimestamp !== undefined || ended) {
    const stopped = await entry.sandbox?.stop()
    if (stopped && !stopped.ok) return stopped.error
    entry.sandbox = undefined
    return pod && !ended ? finishDeletion(options.api, pod) : undefined
  }
  if (!entry.sandbox && !isOpen && !pod.spec.hostNetwork) return undefined
  if (!entry.sandbox) {
    const { node, nodeAddresses, folders, logFd } = options
    const sandbox = new Sandbox({ pod, node, nodeAddresses, folders, logFd, onChange })
    entry.reported = ''
    const started = await sandbox.start()
    if (!started.ok) {
      const told = await report(entry, sandbox, options)
      options.log.info({ pod: podName(pod), told: told === undefined }, 'the pod waits')
      return started.error
    }
    entry.sandbox = sandbox
  }
  return report(entry, entry.sandbox, options)
}

/** Only what differs from the last report is written. */
async function report(entry: Entry, sandbox: Sandbox, options: KubeletOptions): Promise<Fault | undefined> {
  const { pod } = entry
  if (!pod) return undefined
  const { facts } = sandbox
  const text = JSON.stringify(facts)
  if (text === entry.reported) return undefined
  const nowText = `${new Date(options.clock.nowMs()).toISOString().slice(0, 19)}Z`
  const { namespace, name, uid } = pod.metadata
  const path = `/api/v1/namespaces/${namespace}/pods/${name}/status`
  const body = { metadata: { uid }, status: podStatus(pod, facts, nowText) }
  const answer = await options.api.ask('PATCH', path, body)
  if (!answer.ok) return answer.error
  // 404, 409: another pod of that name by now, or none; the watch will say.
  entry.reported = text
  return undefined
}

async function finishDeletion(api: LabApi, pod: PodSpec): Promise<Fault | undefined> {
  const { namespace, name, uid } = pod.metadata
  const answer = await api.ask('DELETE', `/api/v1/namespaces/${namespace}/pods/${name}`, {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    gracePeriodSeconds: 0,
    preconditions: { uid },
  })
  return answer.ok ? undefined : answer.error
}
