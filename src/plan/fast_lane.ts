// What the eBPF programs must know to carry pods' packets past the stack: the pods of this node, the paths to the
// others with their headers' parts, and next hops. PURE. A path without what it needs is there and plain, with a reason.

import type { Cidr } from '../base/cidr.ts'
import type { IfIndex } from '../base/ifindex.ts'
import type { Ip } from '../base/ip.ts'
import type { Mac } from '../base/mac.ts'
import type { Config } from '../schema/config.ts'
import type { Endpoint } from '../state/endpoint.ts'
import type { Network } from './network.ts'
import type { PathKind, Peer } from './peers.ts'
import { vxlanMac } from './pod_link.ts'
import { isOnLink, type Uplink } from './uplink.ts'

export type Lane = Config['lane']

export type FastPod = {
  readonly ip: Ip
  readonly index: IfIndex
  readonly mac: Mac
  /** Traffic to it is limited by a queue on the host's side of its link, which the fast lane would pass by. */
  readonly limited: boolean
}

export type FastPath = {
  /** Of the same path for as long as it is one: node, kind and next hop. */
  readonly key: string
  readonly peer: string
  readonly kind: PathKind
  readonly ranges: readonly Cidr[]
  readonly mtuBytes: number
  readonly uplink: IfIndex
  readonly ownMac: Mac
  readonly own: Ip
  readonly address: Ip
  readonly hop: FastHop | undefined
  /** The peer's MAC on the segment, by which packets that come directly are known. */
  readonly directMac: Mac | undefined
  readonly tunnel: Tunnel
  readonly lane: Lane
  readonly why: string
}
export type Tunnel = {
  readonly source: Mac
  readonly destination: Mac
  readonly vni: number
  readonly port: number
}
export type FastHop = { readonly ip: Ip; readonly mac: Mac }

export type FastLanePlan = {
  readonly uplink: { readonly index: IfIndex; readonly name: string } | undefined
  /** This node's tunnel device, if it has one. */
  readonly tunnel: IfIndex | undefined
  readonly lane: Lane
  /** Of the smallest link of a pod here: what is larger goes to the stack, which answers it. */
  readonly mtuBytes: number
  /** This node's ranges. */
  readonly own: readonly Cidr[]
  readonly endpoints: readonly Endpoint[]
  /** Links of those whose traffic a queue on the host's side limits. */
  readonly limited: ReadonlySet<IfIndex>
  readonly paths: readonly FastPath[]
}

export type FastLaneInput = {
  readonly config: Pick<Config, 'vxlan'>
  readonly network: Network
  readonly uplink: Uplink | undefined
  readonly tunnel?: IfIndex | undefined
  readonly endpoints: readonly Endpoint[]
  /** Links with a queue of their own. */
  readonly limited: ReadonlySet<IfIndex>
  /** MACs on the uplink, as the kernel has resolved them. */
  readonly macs: ReadonlyMap<Ip, Mac>
  /** By node address: the router on the segment that leads there. */
  readonly gateways: ReadonlyMap<Ip, Ip>
  readonly laneOf: (peer: string | undefined) => Lane
}

/** What a pod's link has where no uplink is known. */
const FALLBACK_MTU_BYTES = 1500

export function planFastLane(input: FastLaneInput): FastLanePlan {
  const { uplink, endpoints, limited, network } = input
  return {
    uplink: uplink && { index: uplink.index, name: uplink.name },
    tunnel: input.tunnel,
    lane: input.laneOf(undefined),
    mtuBytes: Math.min(uplink?.mtuBytes ?? FALLBACK_MTU_BYTES, ...endpoints.map((e) => e.link.mtuBytes)),
    own: network.ownRanges,
    endpoints,
    limited: new Set(endpoints.map((e) => e.link.index).filter((index) => limited.has(index))),
    paths: network.peers.flatMap((peer) => pathsOf(peer, input)),
  }
}

export const podsOf = (e: Endpoint, limited: boolean): FastPod[] =>
  e.addresses.map((ip) => ({ ip, index: e.link.index, mac: e.podMac, limited }))

/** Routers whose MACs must be kept known: a path through one skips the stack, which would ask for it. */
export const neededGateways = (network: Network, gateways: ReadonlyMap<Ip, Ip>): Ip[] => [
  ...new Set(network.peers.flatMap((p) => (p.path === 'vxlan' ? (gateways.get(p.address) ?? []) : []))),
]

/** Ranges that are reached alike share a path: of a dual-stack node both families in the tunnel, but two direct ones. */
function pathsOf(peer: Peer, input: FastLaneInput): FastPath[] {
  const { uplink, network } = input
  if (!uplink || uplink.mac === undefined || network.underlay === undefined) return []
  const groups = new Map<string, FastPath>()
  for (const range of peer.ranges) {
    const via = range.path === 'direct' ? range.via : nextHop(peer, uplink, input.gateways)
    const key = `${peer.name} ${range.path} ${via ?? 'unknown'}`
    const known = groups.get(key)
    if (known) {
      groups.set(key, { ...known, ranges: [...known.ranges, range.cidr] })
      continue
    }
    const mac = via && input.macs.get(via)
    const hop = via && mac ? { ip: via, mac } : undefined
    const obstacle = obstacleOf(peer, range.path, network, via, hop)
    groups.set(key, {
      key,
      peer: peer.name,
      kind: range.path,
      ranges: [range.cidr],
      mtuBytes: range.mtuBytes,
      uplink: uplink.index,
      ownMac: uplink.mac,
      own: network.underlay,
      address: peer.address,
      hop,
      directMac: peer.onLink.map((ip) => input.macs.get(ip)).find((m) => m !== undefined),
      tunnel: {
        source: vxlanMac(network.underlay),
        destination: peer.vxlanMac,
        vni: input.config.vxlan.vni,
        port: input.config.vxlan.port,
      },
      lane: obstacle === '' ? input.laneOf(peer.name) : 'plain',
      why: obstacle,
    })
  }
  return [...groups.values()]
}

/** Why the path cannot be fast; empty if it can. */
function obstacleOf(
  peer: Peer,
  path: PathKind,
  network: Network,
  via: Ip | undefined,
  hop: FastHop | undefined,
): string {
  if (!via) return `no route to ${peer.address} is known`
  if (!hop) return `the MAC of ${via} is not known yet`
  // The programs leave checksums to the uplink's device, which is the same one whoever is at the other end; and probes
  // of the helped tunnels would no longer see what it does to the others.
  if (path === 'vxlan' && network.vxlan?.softwareChecksums)
    return 'checksums in the tunnel have to be made by the stack'
  return ''
}

const nextHop = (peer: Peer, uplink: Uplink, gateways: ReadonlyMap<Ip, Ip>): Ip | undefined =>
  isOnLink(uplink, peer.address) ? peer.address : gateways.get(peer.address)
