// The verbs that change objects, with the rules of the real API server: defaults, validation, optimistic locking,
// status apart from spec, finalizers and grace. The HTTP side and programs in this process use the same ones.

import { err, ok, type Result } from '../../base/result.ts'
import { accept, createObject } from './creation.ts'
import { badRequest, conflict, type Failure, invalid } from './failures.ts'
import { equalJson, type JsonObject, objectAt } from './json.ts'
import { type KubeObject, withMeta } from './object.ts'
import { type DeleteOptions, isFinished, precondition, type Removal, removeObject } from './removal.ts'
import { type Resource, storageOf } from './resource.ts'
import type { Store } from './store.ts'
import { metadataCauses } from './validation.ts'

export type WriteOptions = {
  /** Everything but the write. */
  readonly dryRun?: boolean
  /** The status subresource: spec stays as it is. */
  readonly status?: boolean
}

/** `change` gets the object as the row shows it and returns the body of an update. */
export type Change = (current: KubeObject) => Result<JsonObject, Failure>

export type Api = {
  readonly store: Store
  readonly create: (r: Resource, namespace: string, body: JsonObject, options?: WriteOptions) => Outcome
  readonly update: (
    r: Resource,
    namespace: string,
    name: string,
    change: Change,
    options?: WriteOptions,
  ) => Outcome
  readonly remove: (
    r: Resource,
    namespace: string,
    name: string,
    options?: DeleteOptions,
  ) => Result<Removal, Failure>
}

type Outcome = Result<KubeObject, Failure>

export type ApiOptions = {
  readonly store: Store
  /** A free service address of each family. */
  readonly serviceAddresses?: (store: Store) => readonly string[]
}

export function createApi(options: ApiOptions): Api {
  const { store } = options
  const addresses = (): readonly string[] => options.serviceAddresses?.(store) ?? []
  return {
    store,
    create: (r, namespace, body, write = {}) => createObject(store, addresses, r, namespace, body, write),
    update: (r, namespace, name, change, write = {}) => update(store, r, namespace, name, change, write),
    remove: (r, namespace, name, deletion = {}) => removeObject(store, r, namespace, name, deletion),
  }
}

function update(
  store: Store,
  r: Resource,
  namespace: string,
  name: string,
  change: Change,
  write: WriteOptions,
): Outcome {
  let dry: KubeObject | undefined
  const done = store.update(storageOf(r), namespace, name, (current) => {
    const body = change(r.view ? r.view.outward(current) : current)
    if (!body.ok) return body
    const next = updated(r, current, body.value, write.status ?? false)
    if (!next.ok || !write.dryRun) return next
    dry = next.value
    return ok(current)
  })
  if (dry) return ok(dry)
  if (done.ok && isFinished(r, done.value)) return store.remove(storageOf(r), namespace, name)
  return done
}

function updated(r: Resource, current: KubeObject, body: JsonObject, status: boolean): Outcome {
  const incoming = accept(r, body)
  if (!incoming.ok) return incoming
  const { metadata } = incoming.value
  const { name } = current.metadata
  if (metadata.name !== name) {
    return err(
      badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`),
    )
  }
  if (metadata.resourceVersion && metadata.resourceVersion !== current.metadata.resourceVersion) {
    return err(conflict(r, name))
  }
  if (metadata.uid && metadata.uid !== current.metadata.uid) {
    return err(conflict(r, name, precondition('UID', metadata.uid, current.metadata.uid)))
  }
  const next = keepSystemFields(r, current, incoming.value, status)
  const causes = [
    ...metadataCauses(r, next),
    ...(r.validate?.(next) ?? []),
    ...(status ? [] : (r.validateUpdate?.(next, current) ?? [])),
  ]
  if (causes.length > 0) return err(invalid(r, name, causes))
  if (equalJson(next, current)) return ok(current)
  const moved = r.generations && !equalJson({ ...next, metadata: {} }, { ...current, metadata: {} })
  return ok(moved ? withMeta(next, { generation: (current.metadata.generation ?? 0) + 1 }) : next)
}

const SYSTEM_FIELDS = [
  'namespace',
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'generation',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
] as const

function keepSystemFields(
  r: Resource,
  current: KubeObject,
  incoming: KubeObject,
  status: boolean,
): KubeObject {
  const kept = Object.fromEntries(SYSTEM_FIELDS.map((field) => [field, current.metadata[field]]))
  const next = withMeta(incoming, { ...kept, managedFields: undefined, selfLink: undefined })
  if (status) return { ...current, metadata: next.metadata, status: objectAt(next, 'status') }
  const whole = r.hasStatus ? { ...next, status: objectAt(current, 'status') } : next
  return r.prepareUpdate?.(whole, current) ?? whole
}
