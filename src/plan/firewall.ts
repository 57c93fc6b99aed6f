// The elements of our nft sets: who may send what, what is translated. PURE: the same state gives the same elements,
// in whatever order its rows come.

import { type Cidr, cidrBounds, cidrFamily, hostCidr } from '../base/cidr.ts'
import { type IfIndex, ifIndex } from '../base/ifindex.ts'
import { bitsOf, type Family, familyOf, type Ip, ipFromBig, ipFromBytes } from '../base/ip.ts'
import { type Mac, macFromBytes } from '../base/mac.ts'
import {
  type Element,
  elementKey,
  fields,
  ipField,
  joinRanges,
  macField,
  numberField,
  portField,
  protocolField,
} from '../kernel/nft/element.ts'
import type { Config } from '../schema/config.ts'
import type { HostPort } from '../state/wishes.ts'
import { addressesOutside } from './endpoint_faults.ts'
import type { FirewallPod, FirewallState } from './firewall_state.ts'
import { tunnelAddress } from './network.ts'
import { tunnelSet } from './ruleset.ts'

/** Elements by set name; sets that are not named stay as they are. */
export type SetElements = ReadonlyMap<string, readonly Element[]>
export type FirewallElements = { readonly inet: SetElements; readonly arp: SetElements }

/** IANA's numbers. */
export const PROTOCOL = { tcp: 6, udp: 17, sctp: 132 } as const
const families = [4, 6] as const
const isAny = (ip: Ip): boolean => ip === '0.0.0.0' || ip === '::'

export function planFirewall(state: FirewallState, config: Pick<Config, 'masquerade'>): FirewallElements {
  const pods = state.pods.map(podElements)
  const inet = new Map<string, readonly Element[]>([
    ['uplinks', state.uplink ? [{ key: numberField(state.uplink.index) }] : []],
    ...families.flatMap((v) => nodeSets(state, config, v)),
  ])
  for (const name of podSetNames) inet.set(name, onePerKey(pods.flatMap((p) => p.inet.get(name) ?? [])))
  const arp = new Map(
    ['pod_macs', 'pod_sources'].map((name) => [name, pods.flatMap((p) => p.arp.get(name) ?? [])]),
  )
  return { inet, arp }
}

/** The sets whose elements come and go with pods. */
const podSetNames = [
  'pod_macs',
  'pod_targets6',
  ...families.flatMap((v) => [`pod_sources${v}`, `host_ports${v}`, `host_ip_ports${v}`, `hairpins${v}`]),
]

/** Everything that one pod adds: ADD and DEL write just this. */
export function podElements(pod: FirewallPod): FirewallElements {
  const device = numberField(pod.index)
  const mac = macField(pod.mac)
  const inet = new Map<string, Element[]>([
    ['pod_macs', [{ key: fields(device, mac) }]],
    [
      'pod_targets6',
      pod.addresses.filter((ip) => familyOf(ip) === 6).map((ip) => ({ key: fields(device, ipField(ip)) })),
    ],
  ])
  for (const v of families) {
    const own = pod.addresses.filter((ip) => familyOf(ip) === v)
    const first = own[0]
    inet.set(
      `pod_sources${v}`,
      own.map((ip) => ({ key: fields(device, mac, ipField(ip)) })),
    )
    const ports =
      first === undefined
        ? []
        : pod.hostPorts.filter((p) => p.hostIp === undefined || familyOf(p.hostIp) === v)
    inet.set(
      `host_ports${v}`,
      ports.filter((p) => p.hostIp === undefined || isAny(p.hostIp)).map((p) => portElement(p, first as Ip)),
    )
    inet.set(
      `host_ip_ports${v}`,
      ports.filter((p) => p.hostIp !== undefined && !isAny(p.hostIp)).map((p) => portElement(p, first as Ip)),
    )
    inet.set(
      `hairpins${v}`,
      ports.length > 0 && first !== undefined ? [{ key: fields(ipField(first), ipField(first)) }] : [],
    )
  }
  const arp = new Map<string, Element[]>([
    ['pod_macs', [{ key: fields(device, mac) }]],
    [
      'pod_sources',
      pod.addresses
        .filter((ip) => familyOf(ip) === 4)
        .map((ip) => ({ key: fields(device, mac, ipField(ip)) })),
    ],
  ])
  return { inet, arp }
}

function portElement(port: HostPort, to: Ip): Element {
  const where = port.hostIp === undefined || isAny(port.hostIp) ? [] : [ipField(port.hostIp)]
  return {
    key: fields(...where, protocolField(PROTOCOL[port.protocol]), portField(port.hostPort)),
    data: fields(ipField(to), portField(port.containerPort)),
  }
}

/** What an element of `pod_sources` says, read back. */
export function readPodSource(key: Uint8Array): { index: IfIndex; mac: Mac; ip: Ip } {
  return {
    index: ifIndex(new DataView(key.buffer, key.byteOffset).getUint32(0, true)),
    mac: macFromBytes(key.subarray(4, 10)),
    ip: ipFromBytes(key.subarray(12)),
  }
}

/** What a hostPort element says, read back: the kernel's maps are the only record of them. */
export function readHostPort(
  key: Uint8Array,
  data: Uint8Array,
  v: Family,
  hostIp: Ip | undefined,
): { to: Ip; port: HostPort } | undefined {
  const bytes = bitsOf(v) / 8
  const number = key[0]
  const protocol = (Object.keys(PROTOCOL) as (keyof typeof PROTOCOL)[]).find((p) => PROTOCOL[p] === number)
  if (protocol === undefined || data.length < bytes + 2) return undefined
  const portAt = (b: Uint8Array, at: number): number => ((b[at] ?? 0) << 8) | (b[at + 1] ?? 0)
  const to = ipFromBig(
    data.subarray(0, bytes).reduce((n, b) => (n << 8n) | BigInt(b), 0n),
    v,
  )
  return { to, port: { hostPort: portAt(key, 4), containerPort: portAt(data, bytes), protocol, hostIp } }
}

function nodeSets(
  state: FirewallState,
  config: Pick<Config, 'masquerade'>,
  v: Family,
): [string, Element[]][] {
  const { network, peerMacs } = state
  const ofFamily = (ip: Ip): boolean => familyOf(ip) === v
  const inRange = (c: Cidr): boolean => cidrFamily(c) === v
  // A pod that is older than the node's present range is a pod of the cluster like the others.
  const outside = addressesOutside(state.pods, network.ownRanges).filter(ofFamily).map(hostCidr)
  const own = [...network.ownRanges.filter(inRange), ...outside]
  const peerRanges = network.peers
    .flatMap((p) => p.ranges.map((r) => ({ ...r, peer: p })))
    .filter((r) => inRange(r.cidr))
  const cluster = [...own, ...peerRanges.map((r) => r.cidr)]
  // Pods reach a node on the segment with their own address: its replies find the direct way back.
  const directNodes = network.peers
    .filter((p) => p.ranges.some((r) => r.path === 'direct' && inRange(r.cidr)))
    .flatMap((p) => p.addresses.filter(ofFamily).map(hostCidr))
  const exclude = config.masquerade.exclude.filter(inRange)
  return [
    [`node_addresses${v}`, unique(state.nodeAddresses.filter(ofFamily)).map((ip) => ({ key: ipField(ip) }))],
    ...families.map((outer): [string, Element[]] => [
      tunnelSet(v, outer),
      peerRanges.flatMap((r) =>
        unique(r.peer.addresses)
          .filter((ip) => familyOf(ip) === outer)
          .map((ip) => interval(ipField(ip), r.cidr)),
      ),
    ]),
    [
      `direct_sources${v}`,
      peerRanges.flatMap((r) =>
        unique(r.peer.onLink.flatMap((ip) => peerMacs.get(ip) ?? [])).map((mac) =>
          interval(macField(mac), r.cidr),
        ),
      ),
    ],
    [
      `tunnel_ends${v}`,
      unique(peerRanges.map((r) => tunnelAddress(r.cidr))).map((ip) => ({ key: ipField(ip) })),
    ],
    [`cluster_ranges${v}`, merged(cluster)],
    [`own_ranges${v}`, merged(own)],
    [`unmasqueraded${v}`, merged([...cluster, ...exclude, ...directNodes])],
  ]
}

/** A concatenation of one exact field and the addresses of a range. */
function interval(exact: Uint8Array, cidr: Cidr): Element {
  const { first, last } = cidrBounds(cidr)
  const v = cidrFamily(cidr)
  return { key: fields(exact, ipField(ipFromBig(first, v))), end: fields(exact, ipField(ipFromBig(last, v))) }
}

/** Plain intervals must neither overlap nor touch: ranges side by side become one. */
const merged = (cidrs: readonly Cidr[]): Element[] => joinRanges(cidrs.map(plainInterval))

/** The end is the first address after the interval; after the last of all there is none. */
function plainInterval(cidr: Cidr): Element {
  const { first, last } = cidrBounds(cidr)
  const v = cidrFamily(cidr)
  const key = ipField(ipFromBig(first, v))
  return last === (1n << BigInt(bitsOf(v))) - 1n ? { key } : { key, end: ipField(ipFromBig(last + 1n, v)) }
}

/**
 * Of two pods that claim one hostPort (ADD refuses that), always the same one: what the kernel would refuse in one
 * element must not keep all others out.
 */
function onePerKey(elements: readonly Element[]): readonly Element[] {
  if (elements.every((e) => e.data === undefined)) return elements
  const chosen = new Map<string, Element>()
  for (const e of elements) {
    const key = elementKey({ key: e.key })
    const other = chosen.get(key)
    if (!other?.data || Buffer.compare(e.data ?? e.key, other.data) < 0) chosen.set(key, e)
  }
  return [...chosen.values()]
}

const unique = <T>(items: readonly T[]): T[] => [...new Set(items)]
