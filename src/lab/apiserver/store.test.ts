import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../base/clock.ts'
import { ok } from '../../base/result.ts'
import type { StoreEvent } from './collection.ts'
import type { Failure } from './failures.ts'
import { namespaces, nodes } from './kinds/node.ts'
import { pods } from './kinds/pod.ts'
import { kubeObject, withMeta } from './object.ts'
import { createStore, type Store } from './store.ts'

const pod = (namespace: string, name: string) => kubeObject({ metadata: { namespace, name } })
const newStore = (historyEvents = 100): Store =>
  createStore({ clock: systemClock, historyEvents, firstRevision: 1 })
const failureOf = (result: { ok: boolean; error?: Failure }): string => result.error?.reason ?? 'none'
const log = (events: string[]) => (e: StoreEvent) => {
  events.push(`${e.type} ${e.object.metadata.name}@${e.revision}`)
}

test('every change raises one revision for all resources', () => {
  const store = newStore()
  store.create(pods, pod('a', 'x'))
  store.create(nodes, kubeObject({ metadata: { name: 'n' } }))
  assert.equal(store.revision(), 3)
  assert.equal(store.get(nodes, '', 'n')?.metadata.resourceVersion, '3')
})

test('a list is sorted by namespace and name, and one namespace is not confused with a longer name', () => {
  const store = newStore()
  for (const [ns, name] of [
    ['b', 'x'],
    ['a-b', 'y'],
    ['a', 'z'],
    ['a', 'k'],
    ['a.c', 'q'],
    ['a0', 'r'],
  ] as const) {
    store.create(pods, pod(ns, name))
  }
  const names = (ns?: string) => store.list(pods, ns).map((p) => `${p.metadata.namespace}/${p.metadata.name}`)
  assert.deepEqual(names(), ['a-b/y', 'a.c/q', 'a/k', 'a/z', 'a0/r', 'b/x'])
  assert.deepEqual(names('a'), ['a/k', 'a/z'])
})

test('a list stays what it was while the store moves on', () => {
  const store = newStore()
  store.create(pods, pod('a', 'x'))
  const before = store.list(pods)
  store.remove(pods, 'a', 'x')
  assert.equal(before.length, 1)
  assert.equal(store.list(pods).length, 0)
})

test('a second object of the same name is refused', () => {
  const store = newStore()
  store.create(pods, pod('a', 'x'))
  assert.equal(failureOf(store.create(pods, pod('a', 'x'))), 'AlreadyExists')
  assert.equal(failureOf(store.remove(pods, 'a', 'y')), 'NotFound')
})

test('a watch from a revision gets exactly what came later', () => {
  const store = newStore()
  store.create(pods, pod('a', 'x'))
  const since = store.revision()
  store.create(pods, pod('a', 'y'))
  store.create(namespaces, kubeObject({ metadata: { name: 'other' } }))
  const seen: string[] = []
  opened(store.watch(pods, since, log(seen)))
  store.remove(pods, 'a', 'x')
  assert.deepEqual(seen, ['ADDED y@3', 'DELETED x@5'])
})

test('a revision older than the kept history is expired, the oldest kept one is not', () => {
  const store = newStore(2)
  for (const name of ['p', 'q', 'r', 's']) store.create(pods, pod('a', name))
  const seen: string[] = []
  opened(store.watch(pods, 3, log(seen)))
  assert.deepEqual(seen, ['ADDED r@4', 'ADDED s@5'])
  assert.equal(failureOf(store.watch(pods, 2, log(seen))), 'Expired')
})

test('a busy resource does not expire the history of a quiet one', () => {
  const store = newStore(2)
  store.create(nodes, kubeObject({ metadata: { name: 'n' } }))
  for (const name of ['p', 'q', 'r', 's']) store.create(pods, pod('a', name))
  assert.equal(store.watch(nodes, 1, () => {}).ok, true)
})

test('expired history refuses every earlier revision and takes the present one', () => {
  const store = newStore()
  store.create(pods, pod('a', 'x'))
  store.create(pods, pod('a', 'y'))
  store.expireHistory()
  assert.equal(failureOf(store.watch(pods, 2, () => {})), 'Expired')
  assert.equal(store.watch(pods, 3, () => {}).ok, true)
})

test('a new store expires the revisions of an earlier one', () => {
  const old = createStore({ clock: { ...systemClock, nowMs: () => 1000 } })
  const young = createStore({ clock: { ...systemClock, nowMs: () => 2000 } })
  old.create(pods, pod('a', 'x'))
  assert.equal(failureOf(young.watch(pods, old.revision(), () => {})), 'Expired')
})

test('watchers that change the store themselves see and cause events in order', () => {
  const store = newStore()
  const seen: string[] = []
  store.watch(pods, undefined, (e) => {
    if (e.type === 'ADDED') {
      store.update(pods, 'a', e.object.metadata.name, (p) => ok(withMeta(p, { labels: { seen: 'yes' } })))
    }
  })
  store.watch(pods, undefined, log(seen))
  store.create(pods, pod('a', 'x'))
  assert.deepEqual(seen, ['ADDED x@2', 'MODIFIED x@3'])
})

test('an update that changes nothing makes no event', () => {
  const store = newStore()
  store.create(pods, pod('a', 'x'))
  store.update(pods, 'a', 'x', (p) => ok(p))
  assert.equal(store.revision(), 2)
})

function opened<T>(result: { ok: true; value: T } | { ok: false; error: Failure }): T {
  assert.ok(result.ok)
  return result.value
}
