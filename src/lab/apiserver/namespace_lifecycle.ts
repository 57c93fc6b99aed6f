// The life of namespaces: the default ones exist from the start; one that is being deleted takes everything in it
// along and goes when it is empty.

import type { Result } from '../../base/result.ts'
import type { Failure } from './failures.ts'
import { namespaces } from './kinds/node.ts'
import { kubeObject, namespaceOf } from './object.ts'
import type { Resource } from './resource.ts'
import { resources } from './resources.ts'
import type { Api } from './verbs.ts'

export const DEFAULT_NAMESPACES: readonly string[] = [
  'default',
  'kube-system',
  'kube-public',
  'kube-node-lease',
]

/** Rows with objects of their own in namespaces. */
const contents: readonly Resource[] = resources.filter((r) => r.namespaced && !r.view)

export function startNamespaceLifecycle(api: Api): { readonly close: () => void } {
  const { store } = api
  const stops: Result<() => void, Failure>[] = []

  const finish = (namespace: string): void => {
    const empty = contents.every((r) => store.list(r, namespace).length === 0)
    // Asked again at every deletion in it, so a namespace that is already gone is no error.
    if (empty) store.remove(namespaces, '', namespace)
  }
  const isLeaving = (namespace: string): boolean =>
    store.get(namespaces, '', namespace)?.metadata.deletionTimestamp !== undefined

  for (const name of DEFAULT_NAMESPACES) {
    if (!store.get(namespaces, '', name)) api.create(namespaces, '', kubeObject({ metadata: { name } }))
  }
  stops.push(
    store.watch(namespaces, undefined, ({ type, object, previous }) => {
      if (type === 'DELETED' || !object.metadata.deletionTimestamp || previous?.metadata.deletionTimestamp)
        return
      const { name } = object.metadata
      for (const r of contents) {
        for (const item of store.list(r, name)) api.remove(r, name, item.metadata.name)
      }
      finish(name)
    }),
  )
  for (const r of contents) {
    stops.push(
      store.watch(r, undefined, ({ type, object }) => {
        if (type === 'DELETED' && isLeaving(namespaceOf(object))) finish(namespaceOf(object))
      }),
    )
  }
  return {
    close: () => {
      for (const stop of stops) if (stop.ok) stop.value()
    },
  }
}
