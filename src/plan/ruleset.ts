// Our nft tables as text: what stands in `nft list table inet podlane`. Rules are few and fixed; everything that
// changes is an element of a set, so one lookup decides however many pods and nodes there are. PURE.

import { createHash } from 'node:crypto'
import type { Family } from '../base/ip.ts'
import type { Intervals } from '../kernel/nft/element.ts'
import type { Config } from '../schema/config.ts'
import { DELETING_GROUP, NFT_TABLE, POD_GROUP, VXLAN_LINK } from './ownership.ts'

type SetDefinition = { readonly type: string; readonly intervals: Intervals; readonly timeout?: true }

const perFamily = (name: string, definition: (ip: string) => SetDefinition): [string, SetDefinition][] => [
  [`${name}4`, definition('ipv4_addr')],
  [`${name}6`, definition('ipv6_addr')],
]
const plain = (type: string): SetDefinition => ({ type, intervals: 'none' })
const interval = (ip: string): SetDefinition => ({ type: `type ${ip}`, intervals: 'plain' })
const concatenated = (type: string): SetDefinition => ({ type, intervals: 'concatenated' })

/** Key fields that nft has no name for are read from the packet; such sets are declared by `typeof`. */
const INNER = { 4: '@th,336,32', 6: '@th,304,128' } as const
const INNER_ETHERTYPE = { 4: '@th,224,16 0x0800', 6: '@th,224,16 0x86dd' } as const
const ND_TARGET = '@th,64,128'
const ND_TARGET_IS_LINK_LOCAL = '@th,64,10 0x3fa'
const VXLAN_VNI = '@th,96,24'

/** Links on their way out count too: a pod that still runs has no element left, so nothing of it passes. */
const FROM_PODS = `{ ${POD_GROUP}, ${DELETING_GROUP} }`

/** `tunnel_4_in_6`: senders by IPv6 outer address, each with the IPv4 ranges of its pods. */
export const tunnelSet = (inner: Family, outer: Family): string => `tunnel_${inner}_in_${outer}`
const ipWord = (v: Family): string => (v === 4 ? 'ip' : 'ip6')
const families = [4, 6] as const
const tunnels = families.flatMap((outer) => families.map((inner) => ({ inner, outer })))

/** Every set and map of `inet podlane`, by name. */
export const inetSets: ReadonlyMap<string, SetDefinition> = new Map([
  ['uplinks', plain('type iface_index')],
  ['pod_macs', plain('type iface_index . ether_addr')],
  ...perFamily('pod_sources', (ip) => plain(`type iface_index . ether_addr . ${ip}`)),
  ['pod_targets6', plain(`typeof iif . ${ND_TARGET}`)],
  ...perFamily('node_addresses', (ip) => plain(`type ${ip}`)),
  ...tunnels.map(({ inner, outer }): [string, SetDefinition] => [
    tunnelSet(inner, outer),
    concatenated(`typeof ${ipWord(outer)} saddr . ${INNER[inner]}`),
  ]),
  ...perFamily('tunnel_ends', (ip) => plain(`type ${ip}`)),
  ...perFamily('direct_sources', (ip) => concatenated(`type ether_addr . ${ip}`)),
  ...perFamily('cluster_ranges', interval),
  ...perFamily('own_ranges', interval),
  ...perFamily('unmasqueraded', interval),
  ...perFamily('host_ports', (ip) => plain(`type inet_proto . inet_service : ${ip} . inet_service`)),
  ...perFamily('host_ip_ports', (ip) =>
    plain(`type ${ip} . inet_proto . inet_service : ${ip} . inet_service`),
  ),
  ...perFamily('hairpins', (ip) => plain(`type ${ip} . ${ip}`)),
  ...perFamily('cooling', (ip): SetDefinition => ({ type: `type ${ip}`, intervals: 'none', timeout: true })),
])

/** Of `arp podlane`. */
export const arpSets: ReadonlyMap<string, SetDefinition> = new Map([
  ['pod_macs', plain('type iface_index . ether_addr')],
  ['pod_sources', plain('type iface_index . ether_addr . ipv4_addr')],
])

/** Named counters of `inet podlane`: how many packets each rule dropped, and in which words that is told. */
export const inetDrops: ReadonlyMap<string, string> = new Map([
  ['pod_spoofed', 'a pod sent from an address or MAC that is not its own'],
  ['pod_to_loopback', 'a pod sent to a loopback address of the host'],
  // Translation of hostPorts on 127.0.0.1 would come before the kernel's own check.
  ['loopback_from_outside', 'a packet from outside to a loopback address of the host'],
  ['pod_vxlan', 'a pod sent to the VXLAN port of a node'],
  ['pod_probe', 'a pod sent to the port of the nodes’ path probes'],
  ['relayed_vxlan', 'VXLAN of our VNI that another network of this host sent to a node'],
  ['tunnel_unknown_sender', 'VXLAN of our VNI from no known node, or not through the uplink'],
  ['tunnel_forged_source', 'VXLAN from a known node with an inner source outside of its ranges'],
  [
    'direct_forged_source',
    'a packet from a pod address that came neither from its node nor through a tunnel',
  ],
])
export const arpDrops: ReadonlyMap<string, string> = new Map([
  ['pod_spoofed', 'a pod claimed an address or MAC that is not its own (ARP)'],
])

function setText([name, d]: [string, SetDefinition]): string {
  const flags = d.timeout ? ' flags timeout;' : d.intervals === 'none' ? '' : ' flags interval;'
  return `  ${d.type.includes(' : ') ? 'map' : 'set'} ${name} { ${d.type};${flags} }`
}
const counterText = (name: string): string => `  counter ${name} { }`
const drop = (counter: string): string => `counter name ${counter} drop`

/** Before fragments are put together (-400): a forged fragment must not get into another pod's datagram. */
const sources = (): string => `  chain from_pod {
    ip daddr 127.0.0.0/8 ${drop('pod_to_loopback')}
    iif . ether saddr . ip saddr @pod_sources4 accept
    icmpv6 type nd-neighbor-advert ${ND_TARGET_IS_LINK_LOCAL} ip6 saddr fe80::/10 iif . ether saddr @pod_macs accept
    icmpv6 type nd-neighbor-advert iif . ${ND_TARGET} != @pod_targets6 ${drop('pod_spoofed')}
    iif . ether saddr . ip6 saddr @pod_sources6 accept
    ip6 saddr { fe80::/10, :: } icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, mld-listener-report, mld-listener-done, mld2-listener-report } iif . ether saddr @pod_macs accept
    ${drop('pod_spoofed')}
  }
  chain from_segment_4 {
    iif @uplinks ether saddr . ip saddr @direct_sources4 accept
    ${drop('direct_forged_source')}
  }
  chain from_segment_6 {
    iif @uplinks ether saddr . ip6 saddr @direct_sources6 accept
    ${drop('direct_forged_source')}
  }
  chain sources {
    type filter hook prerouting priority -450; policy accept;
    meta iifgroup ${FROM_PODS} goto from_pod
    iifname != "lo" ip daddr 127.0.0.0/8 ${drop('loopback_from_outside')}
    iifname { "lo", "${VXLAN_LINK}" } accept
    ip saddr @cluster_ranges4 goto from_segment_4
    ip6 saddr @cluster_ranges6 goto from_segment_6
  }`

/**
 * VXLAN is looked at where it is delivered, not where it comes in: by then fragments are whole, and no translation
 * (a Service, a hostPort) can still turn another packet into one for the VXLAN port. A node may have addresses that
 * its Node object does not name: it takes VXLAN at none of them, and a pod cannot send ours to any address at all.
 * Probes are for nodes alone: a pod's are dropped before they can fill the socket of the agent, or cost it time.
 */
const vxlan = ({ vni, port }: Config['vxlan'], probes: Config['probes']): string => `  chain from_underlay {
    ct status dnat ${drop('tunnel_unknown_sender')}
    ip daddr != @node_addresses4 ${drop('tunnel_unknown_sender')}
    ip6 daddr != @node_addresses6 ${drop('tunnel_unknown_sender')}
${tunnels
  .map(
    ({ inner, outer }) =>
      `    iif @uplinks ${INNER_ETHERTYPE[inner]} ${ipWord(outer)} saddr . ${INNER[inner]} @${tunnelSet(inner, outer)} accept`,
  )
  .join('\n')}
    iif @uplinks ip saddr @node_addresses4 ${drop('tunnel_forged_source')}
    iif @uplinks ip6 saddr @node_addresses6 ${drop('tunnel_forged_source')}
    ${drop('tunnel_unknown_sender')}
  }
  chain to_node {
    type filter hook input priority raw; policy accept;
    udp dport ${port} meta iifgroup ${FROM_PODS} ${drop('pod_vxlan')}
    udp dport ${port} ${VXLAN_VNI} ${vni} goto from_underlay
${probes === 'off' ? '' : `    udp dport ${probes.port} goto probe_to_node\n`}  }
  chain probe_to_node {
    iifname "${VXLAN_LINK}" ip saddr @tunnel_ends4 accept
    iifname "${VXLAN_LINK}" ip6 saddr @tunnel_ends6 accept
    iifname "${VXLAN_LINK}" ${drop('pod_probe')}
    iifname != "lo" ip saddr @cluster_ranges4 ${drop('pod_probe')}
    iifname != "lo" ip6 saddr @cluster_ranges6 ${drop('pod_probe')}
  }
  chain through_node {
    type filter hook forward priority mangle; policy accept;
    udp dport ${port} goto vxlan_to_node
    oifname "${VXLAN_LINK}" tcp flags syn / syn,rst tcp option maxseg size set rt mtu
  }
  chain vxlan_to_node {
    meta iifgroup ${FROM_PODS} ip daddr @node_addresses4 ${drop('pod_vxlan')}
    meta iifgroup ${FROM_PODS} ip6 daddr @node_addresses6 ${drop('pod_vxlan')}
    meta iifgroup ${FROM_PODS} ${VXLAN_VNI} ${vni} ${drop('pod_vxlan')}
    ${VXLAN_VNI} ${vni} ip daddr @node_addresses4 ip saddr != @node_addresses4 ${drop('relayed_vxlan')}
    ${VXLAN_VNI} ${vni} ip6 daddr @node_addresses6 ip6 saddr != @node_addresses6 ${drop('relayed_vxlan')}
  }`

/** Not of ::1: what comes from there cannot leave the loopback device, so translating it would only make it wait. */
const hostPorts = (v: Family): string => {
  const ip = ipWord(v)
  const here = v === 4 ? 'fib daddr type local' : 'ip6 daddr != ::1 fib daddr type local'
  return `    meta nfproto ipv${v} dnat ${ip} to ${ip} daddr . meta l4proto . th dport map @host_ip_ports${v}
    meta nfproto ipv${v} ${here} dnat ${ip} to meta l4proto . th dport map @host_ports${v}`
}

/** Pods that reach themselves by their hostPort, and programs of the host that do so by 127.0.0.1. */
const hairpins = (v: Family): string => {
  const ip = ipWord(v)
  return `    meta oifgroup ${POD_GROUP} ${ip} saddr . ${ip} daddr @hairpins${v} masquerade`
}
const fromLoopback = `    meta oifgroup ${POD_GROUP} ip saddr 127.0.0.0/8 masquerade`

const leaving = (v: Family): string => {
  const ip = ipWord(v)
  return `    meta oifgroup != ${POD_GROUP} oifname != "${VXLAN_LINK}" ${ip} saddr @own_ranges${v} ${ip} daddr != @unmasqueraded${v} masquerade fully-random`
}

const translation = (masquerade: boolean): string => `  chain host_ports_in {
    type nat hook prerouting priority dstnat; policy accept;
${families.map(hostPorts).join('\n')}
  }
  chain host_ports_out {
    type nat hook output priority -100; policy accept;
${families.map(hostPorts).join('\n')}
  }
  chain leave {
    type nat hook postrouting priority srcnat; policy accept;
${[...families.map(hairpins), fromLoopback, ...(masquerade ? families.map(leaving) : [])].join('\n')}
  }`

/** What the rules depend on. */
type Filtered = Pick<Config, 'vxlan' | 'masquerade' | 'probes'>

const inetTable = (config: Filtered): string => `table inet ${NFT_TABLE} {
${[...inetSets].map(setText).join('\n')}
${[...inetDrops.keys()].map(counterText).join('\n')}
${sources()}
${vxlan(config.vxlan, config.probes)}
${translation(config.masquerade.enabled)}
}`

const arpTable = (): string => `table arp ${NFT_TABLE} {
${[...arpSets].map(setText).join('\n')}
${[...arpDrops.keys()].map(counterText).join('\n')}
  chain from_pod {
    iif . arp saddr ether . arp saddr ip @pod_sources accept
    arp saddr ip 0.0.0.0 iif . arp saddr ether @pod_macs accept
    counter name pod_spoofed drop
  }
  chain guard {
    type filter hook input priority filter; policy accept;
    meta iifgroup ${FROM_PODS} goto from_pod
  }
}`

export type Ruleset = {
  /** Name of an empty set that stands in the table as the sign of its very definition. */
  readonly version: string
  /** In both tables: fewer mean that somebody took some away. */
  readonly rules: number
  /** Replaces all rules and keeps every set with its elements, in one transaction. */
  readonly update: string
  /** Makes the tables anew, for when a definition changed its type. */
  readonly rebuild: string
}

/** What stands in our two tables, by name. */
export type Standing = {
  readonly [F in 'inet' | 'arp']: {
    readonly sets: ReadonlyMap<string, 'set' | 'map'>
    readonly chains: readonly string[]
  }
}

const tablesText = (config: Filtered): string => `${inetTable(config)}\n${arpTable()}`

/** Name of the set that signs the tables of this config. */
export const versionOf = (config: Filtered): string =>
  `version_${createHash('sha256').update(tablesText(config)).digest('hex').slice(0, 12)}`

export function rulesetOf(config: Filtered, standing: Standing): Ruleset {
  const tables = tablesText(config)
  const version = versionOf(config)
  const head = `table inet ${NFT_TABLE} { }\ntable arp ${NFT_TABLE} { }\n`
  const sign = `add set inet ${NFT_TABLE} ${version} { type mark; }\n`
  const cleared = (['inet', 'arp'] as const).map((f) => clear(f, standing[f])).join('')
  return {
    version,
    rules: tables.split('\n').filter((line) => /^ {4}(?!type )/.test(line)).length,
    update: `${head}${cleared}${tables}\n${sign}`,
    rebuild: `${head}delete table inet ${NFT_TABLE}\ndelete table arp ${NFT_TABLE}\n${tables}\n${sign}`,
  }
}

/** Chains go, since a chain cannot move to another hook; sets stay, but for those that nothing uses any more. */
function clear(family: 'inet' | 'arp', { sets, chains }: Standing['inet']): string {
  const known = family === 'inet' ? inetSets : arpSets
  const unused = [...sets].filter(([name]) => !known.has(name))
  return [
    `flush table ${family} ${NFT_TABLE}`,
    ...chains.map((name) => `delete chain ${family} ${NFT_TABLE} ${name}`),
    ...unused.map(([name, kind]) => `delete ${kind} ${family} ${NFT_TABLE} ${name}`),
    '',
  ].join('\n')
}
