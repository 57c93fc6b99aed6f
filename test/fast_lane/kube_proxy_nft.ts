// The table of kube-proxy in nftables mode: verdict maps by address and port, in the words of its own writing
// (pkg/proxy/nftables of Kubernetes 1.31, with --cluster-cidr).

import { execFileSync } from 'node:child_process'
import { type Family, familyOf } from '../../src/base/ip.ts'
import { podRange } from './cluster.ts'
import { chainName, type ProxyNode, type Service } from './service.ts'

export function nftRules(node: ProxyNode, family: Family, services: readonly Service[]): void {
  const table = `table ${family === 4 ? 'ip' : 'ip6'} kube-proxy`
  const text = `
add ${table}
delete ${table}
${table} {
  comment "rules for kube-proxy"
${mapsText(node, family, services)}
${BASE}
${services.map((s) => serviceChains(node, family, s)).join('\n')}
}
`
  execFileSync('nsenter', [`--net=${node.ns.path}`, 'nft', '-f', '-'], {
    input: text,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
}

const BASE = `
  chain filter-input { type filter hook input priority -110; ct state new jump nodeport-endpoints-check; ct state new jump service-endpoints-check; }
  chain filter-forward { type filter hook forward priority -110; ct state new jump service-endpoints-check; ct state new jump cluster-ips-check; }
  chain filter-output { type filter hook output priority -110; ct state new jump service-endpoints-check; }
  chain filter-output-post-dnat { type filter hook output priority -90; ct state new jump cluster-ips-check; }
  chain nat-prerouting { type nat hook prerouting priority dstnat; jump services; }
  chain nat-output { type nat hook output priority -100; jump services; }
  chain nat-postrouting { type nat hook postrouting priority srcnat; jump masquerading; }
  chain mark-for-masquerade { meta mark set meta mark | 0x4000; }
  chain masquerading {
    meta mark & 0x4000 == 0 return
    meta mark set meta mark ^ 0x4000
    masquerade fully-random
  }
  chain reject-chain { reject; }`

const elements = (list: readonly string[]): string => (list.length ? `elements = { ${list.join(', ')} }` : '')

function mapsText(node: ProxyNode, family: Family, services: readonly Service[]): string {
  const [ip, type] = family === 4 ? ['ip', 'ipv4_addr'] : ['ip6', 'ipv6_addr']
  const inner = services.map(
    (s) => `${s.clusterIp} . ${s.protocol} . ${s.port} : goto service-${chainName(s, family)}`,
  )
  const outer = services
    .filter((s) => s.nodePort !== undefined)
    .map((s) => `${s.protocol} . ${s.nodePort} : goto external-${chainName(s, family)}`)
  return `
  set cluster-ips { type ${type}; ${elements([...new Set(services.map((s) => s.clusterIp))])}; }
  set nodeport-ips { type ${type}; ${elements(node.addresses.filter((a) => familyOf(a) === family))}; }
  map no-endpoint-services { type ${type} . inet_proto . inet_service : verdict; }
  map no-endpoint-nodeports { type inet_proto . inet_service : verdict; }
  map service-ips { type ${type} . inet_proto . inet_service : verdict; ${elements(inner)}; }
  map service-nodeports { type inet_proto . inet_service : verdict; ${elements(outer)}; }
  chain services {
    ${ip} daddr . meta l4proto . th dport vmap @service-ips
    ${ip} daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports
  }
  chain service-endpoints-check { ${ip} daddr . meta l4proto . th dport vmap @no-endpoint-services; }
  chain nodeport-endpoints-check { ${ip} daddr @nodeport-ips meta l4proto . th dport vmap @no-endpoint-nodeports; }
  chain cluster-ips-check { ${ip} daddr @cluster-ips reject; }`
}

function serviceChains(node: ProxyNode, family: Family, s: Service): string {
  const [ip, hash] = [family === 4 ? 'ip' : 'ip6', chainName(s, family)]
  const verdicts = (some: readonly number[]): string =>
    some.length === 0
      ? 'drop'
      : `numgen random mod ${some.length} vmap { ${some.map((e, i) => `${i} : goto endpoint-${hash}-${e}`).join(', ')} }`
  const all = s.endpoints.map((_, i) => i)
  const near = all.filter((i) => s.endpoints.slice(i, i + 1).every(node.isLocal))
  const ends = s.endpoints.map(
    (e, i) => `  chain endpoint-${hash}-${i} {
    ${ip} saddr ${e} jump mark-for-masquerade
    meta l4proto ${s.protocol} dnat to ${family === 4 ? e : `[${e}]`}:${s.targetPort}
  }`,
  )
  const external = s.local
    ? `${ip} saddr ${podRange[family]} goto service-${hash}
    fib saddr type local jump mark-for-masquerade
    fib saddr type local goto service-${hash}
    ${verdicts(near)}`
    : `jump mark-for-masquerade
    goto service-${hash}`
  return `${ends.join('\n')}
  chain service-${hash} {
    ${ip} daddr ${s.clusterIp} ${s.protocol} dport ${s.port} ${ip} saddr != ${podRange[family]} jump mark-for-masquerade
    ${verdicts(all)}
  }
  chain external-${hash} {
    ${external}
  }`
}
