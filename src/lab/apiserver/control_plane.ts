// The whole control plane of a lab: store, verbs, server, namespaces, scheduler and node ranges, wired together.

import type { Cidr } from '../../base/cidr.ts'
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import { ok, type Result } from '../../base/result.ts'
import { startEventExpiry } from './event_expiry.ts'
import { startNamespaceLifecycle } from './namespace_lifecycle.ts'
import { type ClusterRange, checkRanges, startNodeRanges } from './node_ranges.ts'
import { startOrphanPods } from './orphan_pods.ts'
import { startScheduler } from './scheduler.ts'
import { type ApiServer, createApiServer } from './server.ts'
import { serviceAddresses } from './service_addresses.ts'
import { createStore, type Store } from './store.ts'
import { type Api, createApi } from './verbs.ts'

export type ControlPlaneOptions = {
  readonly clock: Clock
  readonly log: Log
  readonly tokens: readonly string[]
  readonly tls?: { readonly key: string; readonly cert: string }
  /** One range of each family out of which Nodes get theirs; empty: Nodes bring their own or have none. */
  readonly clusterRanges: readonly ClusterRange[]
  readonly serviceRanges: readonly Cidr[]
  readonly bookmarkIntervalMs?: number
  readonly historyEvents?: number
  readonly firstRevision?: number
  /** Default true. */
  readonly scheduler?: boolean
}

export type ControlPlane = {
  readonly store: Store
  readonly api: Api
  readonly server: ApiServer
  readonly close: () => Promise<void>
}

/** Nothing listens yet: see `server.listen`. A fault when a cluster range cannot be divided. */
export function createControlPlane(options: ControlPlaneOptions): Result<ControlPlane> {
  const ranges = checkRanges(options.clusterRanges)
  if (!ranges.ok) return ranges
  const store = createStore(options)
  const api = createApi({ store, serviceAddresses: serviceAddresses(options.serviceRanges) })
  const server = createApiServer({ ...options, api })
  const parts = [
    startNamespaceLifecycle(api),
    startNodeRanges(store, options.clusterRanges, options.log),
    startEventExpiry(store),
    startOrphanPods(api),
    ...(options.scheduler === false ? [] : [startScheduler(store)]),
  ]
  const close = async (): Promise<void> => {
    for (const part of parts) part.close()
    await server.close()
  }
  return ok({ store, api, server, close })
}
