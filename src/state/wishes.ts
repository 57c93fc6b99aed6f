// What a pod may ask for beyond an address: ports of the host that lead to it, and limits of its bandwidth.

import type { Ip } from '../base/ip.ts'

export type HostPort = {
  readonly hostPort: number
  readonly containerPort: number
  readonly protocol: 'tcp' | 'udp' | 'sctp'
  /** Undefined: every address of the node, 127.0.0.1 included; 0.0.0.0 or :: the same for one family. */
  readonly hostIp: Ip | undefined
}

/** Bits per second and bits; 0 in a rate means no limit, in a burst the agent's choice. Ingress is towards the pod. */
export type Bandwidth = {
  readonly ingressRate: number
  readonly ingressBurst: number
  readonly egressRate: number
  readonly egressBurst: number
}
