// All objects of the lab's cluster, in memory: one revision counter, per resource a sorted table, a bounded history
// and its watchers. Every change is one event, delivered to every watcher in order, never nested.

import { randomUUID } from 'node:crypto'
import type { Clock } from '../../base/clock.ts'
import { err, ok, type Result } from '../../base/result.ts'
import {
  type Collection,
  type EventType,
  emptyCollection,
  keyOf,
  publish,
  type StoreEvent,
} from './collection.ts'
import {
  alreadyExists,
  type Failure,
  notFound,
  qualifiedName,
  type ResourceName,
  tooLarge,
  tooOld,
} from './failures.ts'
import { type KubeObject, namespaceOf, timestamp, withMeta } from './object.ts'

export type StoreOptions = {
  readonly clock: Clock
  /** Events kept per resource; a watch that asks for older ones gets 410 Expired. Default 5,000. */
  readonly historyEvents?: number
  /** The first revision. Default: the clock's milliseconds, so that a new store never reuses an old one's. */
  readonly firstRevision?: number
}

/** Called for each event after `since`, on the caller's stack of whoever made the change. */
export type Watcher = (event: StoreEvent) => void

export type Store = {
  readonly clock: Clock
  /** Revision of the latest change. */
  readonly revision: () => number
  readonly get: (r: ResourceName, namespace: string, name: string) => KubeObject | undefined
  /** Sorted by namespace and name; all namespaces when `namespace` is ''. */
  readonly list: (r: ResourceName, namespace?: string) => readonly KubeObject[]
  readonly count: (r: ResourceName) => number
  /** Gives uid, creationTimestamp and resourceVersion. */
  readonly create: (r: ResourceName, object: KubeObject) => Result<KubeObject, Failure>
  /** `change` gets the stored object; returning the same one writes nothing. */
  readonly update: (
    r: ResourceName,
    namespace: string,
    name: string,
    change: (current: KubeObject) => Result<KubeObject, Failure>,
  ) => Result<KubeObject, Failure>
  /** Removes at once; finalizers and grace are the business of `verbs.ts`. */
  readonly remove: (r: ResourceName, namespace: string, name: string) => Result<KubeObject, Failure>
  /** Everything after revision `since`; undefined: from now on. The function returned ends the watch. */
  readonly watch: (
    r: ResourceName,
    since: number | undefined,
    watcher: Watcher,
  ) => Result<() => void, Failure>
  /** Forgets all history: every watch that resumes from before now gets 410. */
  readonly expireHistory: () => void
  /** Raised by `expireHistory`; whatever is kept for continued lists is void when it changes. */
  readonly historyEpoch: () => number
}

export function createStore(options: StoreOptions): Store {
  const { clock } = options
  const window = Math.max(1, options.historyEvents ?? 5000)
  // BOUNDED by the table of resources.
  const collections = new Map<string, Collection>()
  let revision = options.firstRevision ?? clock.nowMs()
  const born = revision
  let epoch = 0
  const deliver = deliveryQueue()

  const collection = (r: ResourceName): Collection => {
    const key = qualifiedName(r)
    const found = collections.get(key) ?? emptyCollection(born)
    collections.set(key, found)
    return found
  }

  const commit = (
    r: ResourceName,
    type: EventType,
    next: KubeObject,
    previous: KubeObject | undefined,
  ): KubeObject => {
    revision++
    const object = withMeta(next, { resourceVersion: String(revision) })
    const event: StoreEvent = { type, object, previous, revision, lines: {} }
    const target = collection(r)
    publish(target, event, window)
    deliver(target, event)
    return object
  }

  return {
    clock,
    revision: () => revision,
    get: (r, namespace, name) => collection(r).get(keyOf(namespace, name)),
    list: (r, namespace = '') => collection(r).list(namespace),
    count: (r) => collection(r).size(),
    create: (r, object) => {
      const { name } = object.metadata
      if (collection(r).get(keyOf(namespaceOf(object), name))) return err(alreadyExists(r, name))
      const born = { uid: randomUUID(), creationTimestamp: timestamp(clock.nowMs()) }
      return ok(commit(r, 'ADDED', withMeta(object, born), undefined))
    },
    update: (r, namespace, name, change) => {
      const current = collection(r).get(keyOf(namespace, name))
      if (!current) return err(notFound(r, name))
      const next = change(current)
      if (!next.ok || next.value === current) return next
      return ok(commit(r, 'MODIFIED', next.value, current))
    },
    remove: (r, namespace, name) => {
      const current = collection(r).get(keyOf(namespace, name))
      return current ? ok(commit(r, 'DELETED', current, current)) : err(notFound(r, name))
    },
    watch: (r, since, watcher) => {
      const target = collection(r)
      if (since !== undefined && since > revision) return err(tooLarge(since, revision))
      if (since !== undefined && since < target.droppedUpTo) return err(tooOld(since, target.droppedUpTo))
      const entry = { since: revision, watcher }
      const replay = since === undefined ? [] : target.after(since)
      target.watchers.add(entry)
      for (const event of replay) watcher(event)
      return ok(() => void target.watchers.delete(entry))
    },
    expireHistory: () => {
      epoch++
      for (const target of collections.values()) target.forget(revision)
    },
    historyEpoch: () => epoch,
  }
}

/** A watcher that itself changes the store must not overtake: its event waits until the present one is delivered. */
function deliveryQueue(): (target: Collection, event: StoreEvent) => void {
  const queue: { readonly target: Collection; readonly event: StoreEvent }[] = []
  let delivering = false
  return (target, event) => {
    queue.push({ target, event })
    if (delivering) return
    delivering = true
    try {
      for (let next = queue.shift(); next; next = queue.shift()) {
        for (const entry of next.target.watchers) {
          if (next.event.revision > entry.since) entry.watcher(next.event)
        }
      }
    } finally {
      delivering = false
    }
  }
}
