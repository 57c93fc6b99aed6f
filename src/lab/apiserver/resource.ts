// What a row of the resource table holds. A row is everything that the server knows of a resource: no other file
// asks for a kind by name.

import type { FieldCause, ResourceName } from './failures.ts'
import type { JsonObject } from './json.ts'
import type { KubeObject } from './object.ts'

export type Column = {
  /** As kubectl prints it, in upper case there: `Ready` becomes READY. */
  readonly name: string
  readonly type: 'string' | 'integer'
  readonly description: string
  /** Shown only with `-o wide`. */
  readonly wide: boolean
  readonly cell: (object: KubeObject, nowMs: number) => string | number
}

/** What defaulting may ask of its surroundings. */
export type Surroundings = {
  readonly nowMs: number
  /** A free service address of each cluster family, IPv4 first; empty when the server hands out none. */
  readonly serviceAddresses: () => readonly string[]
}

/** A second API version or group that shows the objects of another row. */
export type View = {
  readonly of: { readonly group: string; readonly plural: string }
  readonly outward: (stored: KubeObject) => KubeObject
  readonly inward: (shown: KubeObject) => KubeObject
}

export type Resource = ResourceName & {
  readonly version: string
  readonly singular: string
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly namespaced: boolean
  /** Name in `definitions.ts`. */
  readonly definition: string
  readonly nameRule: 'subdomain' | 'label' | 'service'
  /** Field selectors besides metadata.name and metadata.namespace. */
  readonly selectable: readonly string[]
  readonly columns: readonly Column[]
  readonly hasStatus: boolean
  /** metadata.generation counts the changes of spec. */
  readonly generations: boolean
  readonly view?: View
  readonly prepareCreate?: (object: KubeObject, around: Surroundings) => KubeObject
  readonly prepareUpdate?: (next: KubeObject, previous: KubeObject) => KubeObject
  readonly validate?: (object: KubeObject) => readonly FieldCause[]
  readonly validateUpdate?: (next: KubeObject, previous: KubeObject) => readonly FieldCause[]
  /** Seconds that a DELETE without a grace period leaves the object; absent: it goes at once. */
  readonly graceSeconds?: (object: KubeObject) => number
  /** The object as it waits for somebody to finish its deletion; undefined: nobody has to. */
  readonly lingering?: (object: KubeObject) => KubeObject | undefined
}

/** The parts of a row that most resources share. */
export const plain = {
  group: '',
  version: 'v1',
  shortNames: [],
  categories: [],
  namespaced: true,
  nameRule: 'subdomain',
  selectable: [],
  hasStatus: false,
  generations: false,
} as const satisfies Partial<Resource>

/** Where the objects of a row are stored. */
export const storageOf = (r: Resource): ResourceName => (r.view ? { ...r.view.of, kind: r.kind } : r)

export const apiVersionOf = (r: { readonly group: string; readonly version: string }): string =>
  r.group === '' ? r.version : `${r.group}/${r.version}`

export const column = (
  name: string,
  description: string,
  cell: Column['cell'],
  options: { readonly wide?: boolean; readonly type?: Column['type'] } = {},
): Column => ({ name, description, cell, wide: options.wide ?? false, type: options.type ?? 'string' })

/** Defaults for keys that are absent or null. */
export function defaulted(value: JsonObject, defaults: JsonObject): JsonObject {
  const missing = Object.entries(defaults).filter(([key]) => value[key] === undefined || value[key] === null)
  return missing.length === 0 ? value : { ...value, ...Object.fromEntries(missing) }
}
