// What every object of the API has in common: apiVersion, kind, metadata. Objects are immutable; a change makes a
// new one.

import type { Json, JsonObject } from './json.ts'
import { isObject, textAt } from './json.ts'

export type ObjectMeta = JsonObject & {
  readonly name: string
  readonly namespace?: string
  readonly uid?: string
  readonly resourceVersion?: string
  readonly creationTimestamp?: string
  readonly generation?: number
  readonly labels?: JsonObject
  readonly annotations?: JsonObject
  readonly finalizers?: readonly Json[]
  readonly deletionTimestamp?: string
  readonly deletionGracePeriodSeconds?: number
}

export type KubeObject = JsonObject & {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: ObjectMeta
}

/** Brand constructor: whatever lacks the common fields gets empty ones, for validation to complain about. */
export function kubeObject(value: JsonObject): KubeObject {
  const metadata = isObject(value.metadata) ? value.metadata : {}
  return {
    ...value,
    apiVersion: textAt(value, 'apiVersion'),
    kind: textAt(value, 'kind'),
    metadata: { ...metadata, name: textAt(metadata, 'name') } as ObjectMeta,
  }
}

/** A copy with some metadata changed; an `undefined` value removes the key. */
export function withMeta(object: KubeObject, changes: JsonObject): KubeObject {
  const merged = Object.entries({ ...object.metadata, ...changes }).filter(([, v]) => v !== undefined)
  return { ...object, metadata: { ...Object.fromEntries(merged), name: object.metadata.name } as ObjectMeta }
}

export const namespaceOf = (object: KubeObject): string => object.metadata.namespace ?? ''

/** metav1.Time: seconds, UTC. */
export const timestamp = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`
