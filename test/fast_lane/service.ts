// What a kube-proxy knows of a service and of the node that it runs on.

import type { Family, Ip } from '../../src/base/ip.ts'
import type { TestNamespace } from '../namespaces.ts'
import type { Protocol } from './talk.ts'

export type Service = {
  readonly name: string
  readonly protocol: Protocol
  readonly clusterIp: Ip
  readonly port: number
  readonly targetPort: number
  readonly nodePort?: number
  /** externalTrafficPolicy: Local. */
  readonly local?: boolean
  readonly endpoints: readonly Ip[]
}
export type ProxyNode = {
  readonly ns: TestNamespace
  readonly addresses: readonly Ip[]
  readonly isLocal: (endpoint: Ip) => boolean
}

/** kube-proxy names chains by a hash; here the name itself says which service. */
export const chainName = (service: Service, family: Family): string =>
  `${service.name}-${service.protocol}${family}`.toUpperCase()
