// Our nft tables as text: what stands in `nft list table inet podlane`. Rules are few and fixed; everything that
// changes is an element of a set, so one lookup decides however many pods and nodes there are. PURE.

import { createHash } from 'node:crypto'
import type { Intervals } from '../kernel/nft/element.ts'
import type { Config } from '../schema/config.ts'
import { NFT_TABLE, POD_GROUP, VXLAN_LINK } from './ownership.ts'

type SetDefinition = { readonly type: string; readonly intervals: Intervals; readonly timeout?: true }

const perFamily = (name: string, definition: (ip: string) => SetDefinition): [string, SetDefinition][] => [
  [`${name}4`, definition('ipv4_addr')],
  [`${name}6`, definition('ipv6_addr')],
]
const plain = (type: string): SetDefinition => ({ type, intervals: 'none' })
const interval = (type: string): SetDefinition => ({ type, intervals: 'plain' })
const concatenated = (type: string): SetDefinition => ({ type, intervals: 'concatenated' })

/** Every set and map of `inet podlane`, by name. */
export const inetSets: ReadonlyMap<string, SetDefinition> = new Map([
  ['uplinks', plain('iface_index')],
  ['pod_macs', plain('iface_index . ether_addr')],
  ...perFamily('pod_sources', (ip) => plain(`iface_index . ether_addr . ${ip}`)),
  ...perFamily('node_addresses', plain),
  ...perFamily('node_marks', (ip) => plain(`${ip} : mark`)),
  ...perFamily('tunnel_sources', (ip) => concatenated(`mark . ${ip}`)),
  ...perFamily('direct_sources', (ip) => concatenated(`ether_addr . ${ip}`)),
  ...perFamily('cluster_ranges', interval),
  ...perFamily('own_ranges', interval),
  ...perFamily('unmasqueraded', interval),
  ...perFamily('host_ports', (ip) => plain(`inet_proto . inet_service : ${ip} . inet_service`)),
  ...perFamily('host_ip_ports', (ip) => plain(`${ip} . inet_proto . inet_service : ${ip} . inet_service`)),
  ...perFamily('hairpins', (ip) => plain(`${ip} . ${ip}`)),
  ...perFamily('cooling', (ip): SetDefinition => ({ type: ip, intervals: 'none', timeout: true })),
])

/** Of `arp podlane`. */
export const arpSets: ReadonlyMap<string, SetDefinition> = new Map([
  ['pod_macs', plain('iface_index . ether_addr')],
  ['pod_sources', plain('iface_index . ether_addr . ipv4_addr')],
])

function setText([name, d]: [string, SetDefinition]): string {
  const flags = d.timeout ? ' flags timeout;' : d.intervals === 'none' ? '' : ' flags interval;'
  return `  ${d.type.includes(' : ') ? 'map' : 'set'} ${name} { type ${d.type};${flags} }`
}

const VXLAN_VNI_BITS = '@th,96,24'

/** The parts that IPv4 and IPv6 share word for word. */
function familyRules(v: 4 | 6): { fromPod: string; loopback: string; hostPorts: string; leave: string[] } {
  const ip = v === 4 ? 'ip' : 'ip6'
  const local = v === 4 ? '127.0.0.0/8' : '::1'
  return {
    fromPod: `    iif . ether saddr . ${ip} saddr @pod_sources${v} accept`,
    // Replies of a hostPort on 127.0.0.1 open the link for loopback addresses (route_localnet): not for the pod.
    loopback: `    ${ip} daddr ${local} counter name pod_to_loopback drop`,
    hostPorts: `    meta nfproto ipv${v} dnat ${ip} to ${ip} daddr . meta l4proto . th dport map @host_ip_ports${v}
    meta nfproto ipv${v} fib daddr type local dnat ${ip} to meta l4proto . th dport map @host_ports${v}`,
    leave: [
      `    meta oifgroup ${POD_GROUP} ${ip} saddr . ${ip} daddr @hairpins${v} masquerade`,
      `    meta oifgroup ${POD_GROUP} ${ip} saddr ${local} masquerade`,
    ],
  }
}

const masqueradeRule = (v: 4 | 6): string => {
  const ip = v === 4 ? 'ip' : 'ip6'
  return `    meta oifgroup != ${POD_GROUP} oifname != "${VXLAN_LINK}" ${ip} saddr @own_ranges${v} ${ip} daddr != @unmasqueraded${v} masquerade`
}

function inetTable(config: Pick<Config, 'vxlan' | 'masquerade'>): string {
  const { vni, port } = config.vxlan
  const [four, six] = [familyRules(4), familyRules(6)]
  return `table inet ${NFT_TABLE} {
${[...inetSets].map(setText).join('\n')}
  counter pod_vxlan { }
  counter pod_to_loopback { }
  counter pod_spoofed { }
  counter tunnel_unknown_sender { }
  counter tunnel_forged_source { }
  counter direct_forged_source { }

  chain from_pod {
    udp dport ${port} ip daddr @node_addresses4 counter name pod_vxlan drop
    udp dport ${port} ip6 daddr @node_addresses6 counter name pod_vxlan drop
${four.loopback}
${six.loopback}
${four.fromPod}
${six.fromPod}
    ip6 saddr { fe80::/10, :: } icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, mld-listener-report, mld-listener-done, mld2-listener-report } iif . ether saddr @pod_macs accept
    counter name pod_spoofed drop
  }
  chain from_underlay {
    iif @uplinks meta mark set ip saddr map @node_marks4 accept
    iif @uplinks meta mark set ip6 saddr map @node_marks6 accept
    counter name tunnel_unknown_sender drop
  }
  chain from_tunnel {
    meta mark . ip saddr @tunnel_sources4 meta mark set 0 accept
    meta mark . ip6 saddr @tunnel_sources6 meta mark set 0 accept
    counter name tunnel_forged_source drop
  }
  chain from_segment_4 {
    ether saddr . ip saddr @direct_sources4 accept
    counter name direct_forged_source drop
  }
  chain from_segment_6 {
    ether saddr . ip6 saddr @direct_sources6 accept
    counter name direct_forged_source drop
  }
  chain guard {
    type filter hook prerouting priority raw; policy accept;
    meta iifgroup ${POD_GROUP} goto from_pod
    iifname "${VXLAN_LINK}" goto from_tunnel
    meta l4proto udp udp dport ${port} ${VXLAN_VNI_BITS} ${vni} fib daddr type local goto from_underlay
    iif @uplinks ip saddr @cluster_ranges4 goto from_segment_4
    iif @uplinks ip6 saddr @cluster_ranges6 goto from_segment_6
  }
  chain clamp {
    type filter hook forward priority mangle; policy accept;
    oifname "${VXLAN_LINK}" tcp flags syn / syn,rst tcp option maxseg size set rt mtu
  }
  chain host_ports_in {
    type nat hook prerouting priority dstnat; policy accept;
${four.hostPorts}
${six.hostPorts}
  }
  chain host_ports_out {
    type nat hook output priority -100; policy accept;
${four.hostPorts}
${six.hostPorts}
  }
  chain leave {
    type nat hook postrouting priority srcnat; policy accept;
${[...four.leave, ...six.leave].join('\n')}
${config.masquerade.enabled ? `${masqueradeRule(4)}\n${masqueradeRule(6)}` : ''}
  }
}`
}

const arpTable = (): string => `table arp ${NFT_TABLE} {
${[...arpSets].map(setText).join('\n')}
  counter pod_spoofed { }
  chain from_pod {
    iif . arp saddr ether . arp saddr ip @pod_sources accept
    arp saddr ip 0.0.0.0 iif . arp saddr ether @pod_macs accept
    counter name pod_spoofed drop
  }
  chain guard {
    type filter hook input priority filter; policy accept;
    meta iifgroup ${POD_GROUP} goto from_pod
  }
}`

export type Ruleset = {
  /** Name of an empty set that stands in the table as the sign of its very definition. */
  readonly version: string
  /** Replaces all rules and keeps every set with its elements, in one transaction. */
  readonly update: string
  /** Makes the tables anew, for when a definition changed its type. */
  readonly rebuild: string
}

/** @param present names of the sets that stand, so that signs of older definitions go */
export function rulesetOf(
  config: Pick<Config, 'vxlan' | 'masquerade'>,
  present: ReadonlySet<string>,
): Ruleset {
  const tables = `${inetTable(config)}\n${arpTable()}`
  const version = `version_${createHash('sha256').update(tables).digest('hex').slice(0, 12)}`
  const head = `table inet ${NFT_TABLE} { }\ntable arp ${NFT_TABLE} { }\n`
  const sign = `add set inet ${NFT_TABLE} ${version} { type mark; }\n`
  const old = [...present].filter((n) => n.startsWith('version_') && n !== version)
  const removals = old.map((n) => `delete set inet ${NFT_TABLE} ${n}\n`).join('')
  return {
    version,
    update: `${head}flush table inet ${NFT_TABLE}\nflush table arp ${NFT_TABLE}\n${removals}${tables}\n${sign}`,
    rebuild: `${head}delete table inet ${NFT_TABLE}\ndelete table arp ${NFT_TABLE}\n${tables}\n${sign}`,
  }
}
