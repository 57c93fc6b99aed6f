// The table of resources: every kind that the lab's API server knows is one row here.

import { events, newEvents } from './kinds/event.ts'
import { namespaces, nodes } from './kinds/node.ts'
import { configMaps, networkPolicies, secrets, serviceAccounts } from './kinds/plain.ts'
import { pods } from './kinds/pod.ts'
import { endpointSlices, endpointSlicesBeta, endpoints, services } from './kinds/service.ts'
import type { Resource } from './resource.ts'

/** In the order in which discovery names them; of one group, the preferred version first. */
export const resources: readonly Resource[] = [
  pods,
  nodes,
  namespaces,
  services,
  endpoints,
  events,
  configMaps,
  secrets,
  serviceAccounts,
  endpointSlices,
  endpointSlicesBeta,
  networkPolicies,
  newEvents,
]

export const findResource = (group: string, version: string, plural: string): Resource | undefined =>
  resources.find((r) => r.group === group && r.version === version && r.plural === plural)
