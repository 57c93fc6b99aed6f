// DELETE by the rules of the real API server: preconditions, grace, finalizers, and objects that wait for somebody to
// finish their deletion.

import { err, ok, type Result } from '../../base/result.ts'
import { conflict, type Failure, notFound } from './failures.ts'
import { type KubeObject, timestamp, withMeta } from './object.ts'
import { type Resource, storageOf } from './resource.ts'
import type { Store } from './store.ts'

export type DeleteOptions = {
  readonly dryRun?: boolean
  readonly gracePeriodSeconds?: number | undefined
  readonly uid?: string
  readonly resourceVersion?: string
}

/** The object as it is after the call; `gone` when nothing is left to wait for. */
export type Removal = { readonly object: KubeObject; readonly gone: boolean }

export const precondition = (what: string, wanted: string, found: string | undefined): string =>
  `Precondition failed: ${what} in precondition: ${wanted}, ${what} in object meta: ${found ?? ''}`

/** Marked for deletion, and nobody asks for it to stay. */
export const isFinished = (r: Resource, object: KubeObject): boolean =>
  object.metadata.deletionTimestamp !== undefined &&
  (object.metadata.deletionGracePeriodSeconds ?? 0) === 0 &&
  (object.metadata.finalizers ?? []).length === 0 &&
  !r.lingering?.(object)

export function removeObject(
  store: Store,
  r: Resource,
  namespace: string,
  name: string,
  options: DeleteOptions,
): Result<Removal, Failure> {
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
