// POST by the rules of the real API server: the body's kind and shape, a name, a namespace that takes new objects,
// defaults, validation.

import { randomInt } from 'node:crypto'
import { err, ok, type Result } from '../../base/result.ts'
import { definitions } from './definitions.ts'
import { alreadyExists, badRequest, type Failure, forbidden, invalid, notFound } from './failures.ts'
import { type JsonObject, textAt } from './json.ts'
import { namespaces } from './kinds/node.ts'
import { type KubeObject, kubeObject, namespaceOf, type ObjectMeta, withMeta } from './object.ts'
import { apiVersionOf, type Resource, storageOf } from './resource.ts'
import { ref } from './shape.ts'
import type { Store } from './store.ts'
import { metadataCauses, shapeComplaints } from './validation.ts'
import type { WriteOptions } from './verbs.ts'

type Outcome = Result<KubeObject, Failure>

/** Letters without vowels, so that no word comes out (apimachinery rand.String). */
const SUFFIX = 'bcdfghjklmnpqrstvwxz2456789'

const generated = (prefix: string): string =>
  prefix.slice(0, 58) + Array.from({ length: 5 }, () => SUFFIX[randomInt(SUFFIX.length)]).join('')

export function createObject(
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
export function accept(r: Resource, body: JsonObject): Outcome {
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
