// Gives each pod without a node the ready node with the fewest pods. Knows nodeSelector and cordons, nothing else of
// what the real scheduler knows.

import { ok } from '../../base/result.ts'
import { listAt, objectAt, textAt, textsOf } from './json.ts'
import { eventAbout, events } from './kinds/event.ts'
import { isReady, nodes } from './kinds/node.ts'
import { pods } from './kinds/pod.ts'
import { type KubeObject, namespaceOf, timestamp } from './object.ts'
import type { Store } from './store.ts'

const NAME = 'default-scheduler'

export function startScheduler(store: Store): { readonly close: () => void } {
  // BOUNDED by the nodes and pods of the store.
  const load = new Map<string, number>()
  const waiting = new Set<string>()

  const count = (node: string, change: number): void => {
    if (node !== '') load.set(node, (load.get(node) ?? 0) + change)
  }
  const see = (pod: KubeObject, previous: KubeObject | undefined, deleted: boolean): void => {
    count(previous ? nodeOf(previous) : '', -1)
    if (!deleted) count(nodeOf(pod), 1)
    const key = `${namespaceOf(pod)}/${pod.metadata.name}`
    if (deleted || !wantsNode(pod)) waiting.delete(key)
    else if (!waiting.has(key)) {
      waiting.add(key)
      place(store, load, pod)
    }
  }

  for (const pod of store.list(pods)) see(pod, undefined, false)
  const stopPods = store.watch(pods, undefined, ({ type, object, previous }) => {
    see(object, previous, type === 'DELETED')
  })
  const stopNodes = store.watch(nodes, undefined, ({ type, object, previous }) => {
    // A kubelet's heartbeat changes nothing for pods that wait.
    if (type === 'DELETED' || !takesPods(object) || (previous && takesPods(previous))) return
    for (const key of [...waiting]) {
      const [namespace = '', name = ''] = key.split('/')
      const pod = store.get(pods, namespace, name)
      if (pod && wantsNode(pod)) place(store, load, pod)
    }
  })
  return {
    close: () => {
      for (const stop of [stopPods, stopNodes]) if (stop.ok) stop.value()
    },
  }
}

const nodeOf = (pod: KubeObject): string => textAt(pod, 'spec', 'nodeName')

const wantsNode = (pod: KubeObject): boolean =>
  nodeOf(pod) === '' && !pod.metadata.deletionTimestamp && textAt(pod, 'spec', 'schedulerName') === NAME

const takesPods = (node: KubeObject): boolean =>
  isReady(node) && textAt(node, 'spec', 'unschedulable') !== 'true' && !node.metadata.deletionTimestamp

function place(store: Store, load: ReadonlyMap<string, number>, pod: KubeObject): void {
  const wanted = Object.entries(textsOf(objectAt(pod, 'spec', 'nodeSelector')))
  let best: string | undefined
  for (const node of store.list(nodes)) {
    const labels = textsOf(node.metadata.labels)
    if (!takesPods(node) || !wanted.every(([key, value]) => labels[key] === value)) continue
    const { name } = node.metadata
    if (best === undefined || (load.get(name) ?? 0) < (load.get(best) ?? 0)) best = name
  }
  if (best === undefined) refuse(store, pod, store.count(nodes))
  else bind(store, pod, best)
}

function bind(store: Store, pod: KubeObject, node: string): void {
  const namespace = namespaceOf(pod)
  store.update(pods, namespace, pod.metadata.name, (current) =>
    ok(
      withScheduled(
        { ...current, spec: { ...objectAt(current, 'spec'), nodeName: node } },
        'True',
        {},
        store.clock.nowMs(),
      ),
    ),
  )
  const message = `Successfully assigned ${namespace}/${pod.metadata.name} to ${node}`
  say(store, pod, 'Normal', 'Scheduled', message)
}

function refuse(store: Store, pod: KubeObject, nodeCount: number): void {
  const message = `0/${nodeCount} nodes are available: none is ready, schedulable and has the labels asked for.`
  store.update(pods, namespaceOf(pod), pod.metadata.name, (current) =>
    ok(withScheduled(current, 'False', { reason: 'Unschedulable', message }, store.clock.nowMs())),
  )
  say(store, pod, 'Warning', 'FailedScheduling', message)
}

function withScheduled(
  pod: KubeObject,
  status: 'True' | 'False',
  why: { readonly reason?: string; readonly message?: string },
  nowMs: number,
): KubeObject {
  const others = listAt(pod, 'status', 'conditions').filter((c) => textAt(c, 'type') !== 'PodScheduled')
  const condition = {
    type: 'PodScheduled',
    status,
    lastProbeTime: null,
    lastTransitionTime: timestamp(nowMs),
    ...why,
  }
  return { ...pod, status: { ...objectAt(pod, 'status'), conditions: [...others, condition] } }
}

function say(
  store: Store,
  pod: KubeObject,
  type: 'Normal' | 'Warning',
  reason: string,
  message: string,
): void {
  const name = `${pod.metadata.name}.${store.revision().toString(16)}`
  store.create(events, eventAbout(pod, { name, type, reason, message }, NAME, timestamp(store.clock.nowMs())))
}
