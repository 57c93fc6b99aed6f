// Removes the pods of a node that was deleted: nobody is left to end them (the real cluster's pod garbage collector).

import { textAt } from './json.ts'
import { nodes } from './kinds/node.ts'
import { pods } from './kinds/pod.ts'
import { namespaceOf } from './object.ts'
import type { Api } from './verbs.ts'

export function startOrphanPods(api: Api): { readonly close: () => void } {
  const stop = api.store.watch(nodes, undefined, ({ type, object }) => {
    if (type !== 'DELETED') return
    for (const pod of api.store.list(pods)) {
      if (textAt(pod, 'spec', 'nodeName') !== object.metadata.name) continue
      api.remove(pods, namespaceOf(pod), pod.metadata.name, { gracePeriodSeconds: 0 })
    }
  })
  return { close: () => (stop.ok ? stop.value() : undefined) }
}
