// What the reflector needs to know of a kind of object: where the API has it, how an object becomes a row, and where
// rows go.

import type { Result } from '../../base/result.ts'
import { nameFromApi, nodeFromApi, podFromApi, uidFromApi } from '../../schema/kubernetes.ts'
import type { NodeRow, PodRow } from '../../state/rows.ts'
import type { RowSink } from '../source.ts'

export type ResourcePlace = {
  /** Plural, for messages. */
  readonly name: string
  readonly path: string
  readonly fieldSelector: string | undefined
}

export type Resource<Row> = ResourcePlace & {
  /** Undefined: an object that is no row. */
  readonly parse: (object: unknown) => Result<Row | undefined>
  readonly keyOf: (object: unknown) => string
  /** The whole list. */
  readonly replace: (rows: readonly Row[]) => void
  readonly upsert: (row: Row) => void
  readonly remove: (key: string) => void
}

export const nodesOf = (sink: RowSink): Resource<NodeRow> => ({
  name: 'nodes',
  path: '/api/v1/nodes',
  fieldSelector: undefined,
  parse: nodeFromApi,
  keyOf: nameFromApi,
  replace: sink.nodes,
  upsert: sink.node,
  remove: sink.nodeGone,
})

/** The pods that are bound to one node. */
export const podsOf = (sink: RowSink, nodeName: string): Resource<PodRow> => ({
  name: 'pods',
  path: '/api/v1/pods',
  fieldSelector: `spec.nodeName=${nodeName}`,
  parse: podFromApi,
  keyOf: uidFromApi,
  replace: sink.pods,
  upsert: sink.pod,
  remove: sink.podGone,
})

export function urlOf(resource: ResourcePlace, query: Readonly<Record<string, string>>): string {
  const selector = resource.fieldSelector === undefined ? {} : { fieldSelector: resource.fieldSelector }
  return `${resource.path}?${new URLSearchParams({ ...selector, ...query })}`
}
