// The verbs that change objects, with the rules of the real API server: defaults, validation, optimistic locking,
// status apart from spec, finalizers and grace. The HTTP side and programs in this process use the same ones.

import { randomInt } from 'node:crypto'
import { err, ok, type Result } from '../../base/result.ts'
import { definitions } from './definitions.ts'
import {
  alreadyExists,
  badRequest,
  conflict,
  type Failure,
  forbidden,
  invalid,
  notFound,
} from './failures.ts'
import { equalJson, type JsonObject, objectAt, textAt } from './json.ts'
import { namespaces } from './kinds/node.ts'
import { type KubeObject, kubeObject, namespaceOf, type ObjectMeta, timestamp, withMeta } from './object.ts'
import { apiVersionOf, type Resource, storageOf } from './resource.ts'
import { ref } from './shape.ts'
import type { Store } from './store.ts'
import { metadataCauses, shapeComplaints } from './validation.ts'

export type WriteOptions = {
  /** Everything but the write. */
  readonly dryRun?: boolean
  /** The status subresource: spec stays as it is. */
  readonly status?: boolean
}

export type DeleteOptions = {
  readonly dryRun?: boolean
  readonly gracePeriodSeconds?: number | undefined
  readonly uid?: string
  readonly resourceVersion?: string
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
  /** The object as it is after the call; `gone` when nothing is left to wait for. */
  readonly remove: (
    r: Resource,
    namespace: string,
    name: string,
    options?: DeleteOptions,
  ) => Result<{ readonly object: KubeObject; readonly gone: boolean }, Failure>
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
    create: (r, namespace, body, write = {}) => create(store, addresses, r, namespace, body, write),
    update: (r, namespace, name, change, write = {}) => update(store, r, namespace, name, change, write),
    remove: (r, namespace, name, deletion = {}) => remove(store, r, namespace, name, deletion),
  }
}

/** Letters without vowels, so that no word comes out (apimachinery rand.String). */
const SUFFIX = 'bcdfghjklmnpqrstvwxz2456789'

const generated = (prefix: string): string =>
  prefix.slice(0, 58) + Array.from({ length: 5 }, () => SUFFIX[randomInt(SUFFIX.length)]).join('')

function create(
  store: Store,
  serviceAddresses: () => readonly string[],
  r: Resource,
  namespace: string,
  body: JsonObject,
  write: WriteOptions,
): Outcome {
  const incoming = accept(r, body)
  if (!incoming.ok) return incoming
  const scoped = intoNamespace(r, namespace, incoming.value)
  if (!scoped.ok) return scoped
  const named = nameIt(scoped.value)
  if (named.metadata.resourceVersion)
    return err(badRequest('resourceVersion should not be set on objects to be created'))
  const open = namespaceIsOpen(store, r, namespace, named.metadata.name)
  if (!open.ok) return open
  const fresh = withMeta(named, {
    uid: undefined,
    creationTimestamp: undefined,
    deletionTimestamp: undefined,
    deletionGracePeriodSeconds: undefined,
    managedFields: undefined,
    selfLink: undefined,
    generation: r.generations ? 1 : undefined,
  })
  const prepared = r.prepareCreate?.(fresh, { nowMs: store.clock.nowMs(), serviceAddresses }) ?? fresh
  const causes = [...metadataCauses(r, prepared), ...(r.validate?.(prepared) ?? [])]
  if (causes.length > 0) return err(invalid(r, prepared.metadata.name, causes))
  if (!write.dryRun) return store.create(storageOf(r), prepared)
  const taken = store.get(storageOf(r), namespaceOf(prepared), prepared.metadata.name)
  return taken ? err(alreadyExists(r, prepared.metadata.name)) : ok(prepared)
}

/** The body in stored form, refused when it is of another kind or not of the kind's shape. */
function accept(r: Resource, body: JsonObject): Outcome {
  const apiVersion = textAt(body, 'apiVersion') || apiVersionOf(r)
  const kind = textAt(body, 'kind') || r.kind
  if (kind !== r.kind || apiVersion !== apiVersionOf(r)) {
    const wanted = `${apiVersionOf(r)}, Kind=${r.kind}`
    return err(
      badRequest(
        `the object provided is unrecognized: it is ${apiVersion}, Kind=${kind}, expected ${wanted}`,
      ),
    )
  }
  const { mistyped } = shapeComplaints(definitions, ref(r.definition), body)
  if (mistyped.length > 0) {
    return err(
      badRequest(
        `${r.kind} in version "${r.version}" cannot be handled as a ${r.kind}: json: ${mistyped.join(', ')}`,
      ),
    )
  }
  const object = kubeObject({ ...body, apiVersion, kind })
  return ok(r.view ? r.view.inward(object) : object)
}

function intoNamespace(r: Resource, namespace: string, object: KubeObject): Outcome {
  if (!r.namespaced) return ok(withMeta(object, { namespace: undefined }))
  const own = object.metadata.namespace ?? ''
  if (own !== '' && own !== namespace) {
    return err(
      badRequest('the namespace of the provided object does not match the namespace sent on the request'),
    )
  }
  return ok(withMeta(object, { namespace }))
}

function nameIt(object: KubeObject): KubeObject {
  const prefix = textAt(object, 'metadata', 'generateName')
  if (object.metadata.name !== '' || prefix === '') return object
  return { ...object, metadata: { ...object.metadata, name: generated(prefix) } as ObjectMeta }
}

function namespaceIsOpen(store: Store, r: Resource, namespace: string, name: string): Result<void, Failure> {
  if (!r.namespaced) return ok(undefined)
  const found = store.get(namespaces, '', namespace)
  if (!found) return err(notFound(namespaces, namespace))
  if (!found.metadata.deletionTimestamp) return ok(undefined)
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`
  return err(
    forbidden(r, name, why, [
      {
        reason: 'NamespaceTerminating',
        message: `namespace ${namespace} is being terminated`,
        field: 'metadata.namespace',
      },
    ]),
  )
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

const precondition = (what: string, wanted: string, found: string | undefined): string =>
  `Precondition failed: ${what} in precondition: ${wanted}, ${what} in object meta: ${found ?? ''}`

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

/** Marked for deletion, and nobody asks for it to stay. */
const isFinished = (r: Resource, object: KubeObject): boolean =>
  object.metadata.deletionTimestamp !== undefined &&
  (object.metadata.deletionGracePeriodSeconds ?? 0) === 0 &&
  (object.metadata.finalizers ?? []).length === 0 &&
  !r.lingering?.(object)

function remove(
  store: Store,
  r: Resource,
  namespace: string,
  name: string,
  options: DeleteOptions,
): Result<{ readonly object: KubeObject; readonly gone: boolean }, Failure> {
  const current = store.get(storageOf(r), namespace, name)
  if (!current) return err(notFound(r, name))
  const { uid, resourceVersion } = current.metadata
  if (options.uid && options.uid !== uid) return err(conflict(r, name, precondition('UID', options.uid, uid)))
  if (options.resourceVersion && options.resourceVersion !== resourceVersion) {
    return err(conflict(r, name, precondition('ResourceVersion', options.resourceVersion, resourceVersion)))
  }
  const whole = r.graceSeconds?.(current) ?? 0
  const grace = whole === 0 ? 0 : Math.max(0, options.gracePeriodSeconds ?? whole)
  const marked = mark(store, r, current, grace)
  if (options.dryRun) return ok({ object: marked, gone: false })
  if (isFinished(r, marked)) {
    const gone = store.remove(storageOf(r), namespace, name)
    return gone.ok ? ok({ object: gone.value, gone: true }) : gone
  }
  const waiting = store.update(storageOf(r), namespace, name, () => ok(marked))
  return waiting.ok ? ok({ object: waiting.value, gone: false }) : waiting
}

/** A second DELETE can only shorten the grace period. */
function mark(store: Store, r: Resource, current: KubeObject, grace: number): KubeObject {
  const before = current.metadata
  if (before.deletionTimestamp && (before.deletionGracePeriodSeconds ?? 0) <= grace) return current
  const marked = withMeta(current, {
    deletionTimestamp: timestamp(store.clock.nowMs() + grace * 1000),
    deletionGracePeriodSeconds: grace,
  })
  return r.lingering?.(marked) ?? marked
}
