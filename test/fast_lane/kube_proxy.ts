// A kube-proxy's two ways to write the same services into the kernel.

import { familyOf } from '../../src/base/ip.ts'
import { iptablesRules } from './kube_proxy_iptables.ts'
import { nftRules } from './kube_proxy_nft.ts'
import type { ProxyNode, Service } from './service.ts'

export const proxyModes = ['iptables', 'nftables'] as const
export type ProxyMode = (typeof proxyModes)[number]

/** Replaces whatever stood there of the same mode. */
export function kubeProxy(mode: ProxyMode, node: ProxyNode, services: readonly Service[]): void {
  const write = mode === 'iptables' ? iptablesRules : nftRules
  for (const family of [4, 6] as const)
    write(
      node,
      family,
      services.filter((s) => familyOf(s.clusterIp) === family),
    )
}
