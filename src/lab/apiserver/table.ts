// meta/v1 Table: rows of cells made by the server, which kubectl only lines up.

import type { Json, JsonObject } from './json.ts'
import type { KubeObject } from './object.ts'
import type { Resource } from './resource.ts'

/** What each row carries besides its cells. */
export type RowObject = 'None' | 'Metadata' | 'Object'

export type TableOptions = {
  readonly nowMs: number
  readonly include: RowObject
  readonly resourceVersion: string
  /** In a watch only the first table says its columns. */
  readonly columns: boolean
  readonly listMeta?: JsonObject
}

export function tableOf(r: Resource, objects: readonly KubeObject[], options: TableOptions): JsonObject {
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: { resourceVersion: options.resourceVersion, ...options.listMeta },
    columnDefinitions: options.columns ? columnDefinitions(r) : [],
    rows: objects.map((o) => ({
      cells: r.columns.map((c) => c.cell(o, options.nowMs)),
      ...rowObject(o, options.include),
    })),
  }
}

const columnDefinitions = (r: Resource): readonly Json[] =>
  r.columns.map((c) => ({
    name: c.name,
    type: c.type,
    format: c.name === 'Name' ? 'name' : '',
    description: c.description,
    priority: c.wide ? 1 : 0,
  }))

function rowObject(object: KubeObject, include: RowObject): JsonObject {
  if (include === 'None') return { object: null }
  if (include === 'Object') return { object }
  return {
    object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata },
  }
}
