// The plain network of one node, as it should stand in the kernel: the VXLAN device, routes, neighbours, forwarding
// entries, switches. PURE: nodes and what the host has × this node → desired objects. Devices are meant by name.

import { type Cidr, cidrAddress, cidrFamily, hostCidr } from '../base/cidr.ts'
import { type Family, familyOf, type Ip } from '../base/ip.ts'
import type { Mac } from '../base/mac.ts'
import type { Fault } from '../base/result.ts'
import type { Config } from '../schema/config.ts'
import type { Endpoint } from '../state/endpoint.ts'
import type { NodeRow } from '../state/rows.ts'
import { gathered } from './cured_path.ts'
import { endpointFaults } from './endpoint_faults.ts'
import { VXLAN_GROUP, VXLAN_LINK } from './ownership.ts'
import type { PathCure } from './path_cures.ts'
import { fullMtuBytes, type Peer, planPeer } from './peers.ts'
import { vxlanMac } from './pod_link.ts'
import { settleClaims } from './ranges.ts'
import type { Uplink } from './uplink.ts'

export type NetworkInput = {
  readonly config: Config
  readonly selfName: string
  readonly nodes: readonly NodeRow[]
  /** Undefined while none is found: pods of this node still reach each other. */
  readonly uplink: Uplink | undefined
  readonly endpoints: readonly Endpoint[]
  /** Ranges on record in the kernel (our unreachable routes), for as long as no source has named any. */
  readonly recordedRanges: readonly Cidr[]
  /** Peers with sick paths. */
  readonly cures?: readonly PathCure[]
  /** A tunnel device stands that others may still send into, needed or not. */
  readonly keepsTunnel?: boolean
}

export type DesiredRoute = {
  readonly dst: Cidr
  readonly type: 'unicast' | 'unreachable'
  readonly device?: string
  readonly gateway?: Ip
  readonly onLink?: boolean
  readonly source?: Ip
  readonly mtuBytes?: number
  readonly metric?: number
}
export type DesiredNeighbour = { readonly device: string; readonly ip: Ip; readonly mac: Mac | undefined }
export type DesiredFdb = { readonly device: string; readonly mac: Mac; readonly dst: Ip }
export type DesiredVxlan = {
  readonly name: string
  readonly mac: Mac
  readonly mtuBytes: number
  readonly group: number
  readonly vni: number
  readonly port: number
  readonly local: Ip
  readonly addresses: readonly Ip[]
  /** Inner checksums are made here and not left to the uplink, which spoils them. */
  readonly softwareChecksums: boolean
  /** Without it every peer is reached as usual. */
  readonly isForCuresOnly: boolean
}

export type Network = {
  readonly ownRanges: readonly Cidr[]
  readonly underlay: Ip | undefined
  readonly vxlan: DesiredVxlan | undefined
  readonly routes: readonly DesiredRoute[]
  readonly neighbours: readonly DesiredNeighbour[]
  readonly fdb: readonly DesiredFdb[]
  readonly peers: readonly Peer[]
  /** Families that are forwarded here. */
  readonly families: readonly Family[]
  /** What a new pod's default route carries. */
  readonly podMtuBytes: number
  readonly complaints: readonly Fault[]
}

/** Far behind every route that someone means: it only catches what no pod's route takes. */
const RECORD_METRIC = 0x7fff0000
const FALLBACK_MTU_BYTES = 1500

export function planNetwork(input: NetworkInput): Network {
  const { config, uplink } = input
  const claims = settleClaims(withOwnRanges(input), input.selfName, uplink)
  const ownRanges = claims.ranges.get(input.selfName) ?? []
  const self = input.nodes.find((n) => n.name === input.selfName)
  const underlay = uplink && underlayAddress(uplink, self?.addresses ?? [])
  // A peer at this node's own address would get its packets sent to ourselves.
  const doubles = input.nodes.filter((n) => n !== self && underlay && n.addresses.includes(underlay))
  const others = input.nodes.filter((n) => n !== self && !doubles.includes(n))
  const cures = new Map(input.cures?.map((c) => [c.peer, c]))
  const planned =
    uplink && underlay
      ? others.map((node) => planPeer(node, { config, uplink, underlay, ranges: claims.ranges, cures }))
      : []
  const peers = planned.flatMap((p) => (p.peer ? [p.peer] : []))
  const isTunnelWanted = input.keepsTunnel === true || peers.some((p) => p.needsTunnel)
  const vxlan = isTunnelWanted ? vxlanDevice(input, underlay, ownRanges, peers) : undefined
  return {
    ownRanges,
    underlay,
    vxlan,
    routes: [
      ...ownRoutes(ownRanges),
      ...endpointRoutes(input.endpoints),
      ...peers.flatMap((p) => peerRoutes(p, uplink, vxlan)),
    ],
    neighbours: [
      ...endpointNeighbours(input.endpoints),
      ...peers.flatMap((p) => [...tunnelNeighbours(p, vxlan), ...segmentNeighbours(p, uplink)]),
    ],
    // Of every peer: the way by the tunnel is measured where another one is in use, and known when it is needed.
    fdb: vxlan ? peers.map((p) => ({ device: VXLAN_LINK, mac: p.vxlanMac, dst: p.address })) : [],
    peers,
    families: [...new Set(ownRanges.map(cidrFamily))],
    podMtuBytes: podMtu(config, uplink, peers),
    complaints: [
      ...(self || input.nodes.length === 0 ? [] : [selfMissing(input)]),
      ...doubles.map((n) => doubleAddress(n, input.selfName)),
      ...claims.complaints,
      ...endpointFaults(input.selfName, input.endpoints, ownRanges),
      ...planned.flatMap((p) => p.complaints),
      ...gathered(peers.map((p) => p.sickPaths)),
      ...input.nodes.flatMap(nodeComplaints),
    ],
  }
}

/** The address that stands for the node on its VXLAN device, so that replies to the node return by the tunnel. */
export const tunnelAddress = (range: Cidr): Ip => cidrAddress(range, 1n)

/** The node's rows, this node's range replaced by the config's, or by the record while there is none. */
function withOwnRanges(input: NetworkInput): NodeRow[] {
  const own = input.config.ipam.ranges
  const rows = input.nodes.map((n) => (n.name === input.selfName && own ? { ...n, podCidrs: own } : n))
  const self = rows.find((n) => n.name === input.selfName)
  if (self && self.podCidrs.length > 0) return rows
  const podCidrs = own ?? input.recordedRanges
  if (self) return rows.map((n) => (n === self ? { ...n, podCidrs } : n))
  return podCidrs.length > 0
    ? [...rows, { name: input.selfName, addresses: [], podCidrs, complaints: [] }]
    : rows
}

/** The node's own address on the uplink; IPv4 where there is one, so that all nodes agree on the outer family. */
function underlayAddress(uplink: Uplink, nodeAddresses: readonly Ip[]): Ip | undefined {
  const own = uplink.addresses.map((a) => a.ip)
  const known = nodeAddresses.filter((a) => own.includes(a))
  const pick = (list: readonly Ip[]): Ip | undefined => list.find((a) => familyOf(a) === 4) ?? list[0]
  return pick(known) ?? pick(own)
}

function vxlanDevice(
  { config, uplink }: NetworkInput,
  underlay: Ip | undefined,
  ranges: readonly Cidr[],
  peers: readonly Peer[],
): DesiredVxlan | undefined {
  if (!uplink || underlay === undefined) return undefined
  return {
    name: VXLAN_LINK,
    mac: vxlanMac(underlay),
    mtuBytes: fullMtuBytes('vxlan', uplink.mtuBytes, underlay),
    group: VXLAN_GROUP,
    vni: config.vxlan.vni,
    port: config.vxlan.port,
    local: underlay,
    addresses: ranges.map(tunnelAddress),
    softwareChecksums: peers.some((p) => p.needsTunnel && p.softwareChecksums),
    isForCuresOnly: !peers.some((p) => p.ranges.some((r) => r.usualPath === 'vxlan')),
  }
}

/** Against loops (a packet for a pod that is gone must not leave by the default route), and the record of the range. */
const ownRoutes = (ranges: readonly Cidr[]): DesiredRoute[] =>
  ranges.map((dst) => ({ dst, type: 'unreachable', metric: RECORD_METRIC }))

const endpointRoutes = (endpoints: readonly Endpoint[]): DesiredRoute[] =>
  endpoints.flatMap((e) => endpointObjects(e).routes)
const endpointNeighbours = (endpoints: readonly Endpoint[]): DesiredNeighbour[] =>
  endpoints.flatMap((e) => endpointObjects(e).neighbours)

/** What stands on the host for one pod; ADD writes just these. */
export function endpointObjects(e: Pick<Endpoint, 'addresses' | 'podMac'> & { link: { name: string } }): {
  readonly routes: readonly DesiredRoute[]
  readonly neighbours: readonly DesiredNeighbour[]
} {
  const device = e.link.name
  return {
    routes: e.addresses.map((ip) => ({ dst: hostCidr(ip), type: 'unicast', device })),
    neighbours: e.addresses.map((ip) => ({ device, ip, mac: e.podMac })),
  }
}

function peerRoutes(peer: Peer, uplink: Uplink | undefined, vxlan: DesiredVxlan | undefined): DesiredRoute[] {
  return peer.ranges.flatMap((range): DesiredRoute[] => {
    const { cidr: dst, mtuBytes } = range
    if (range.path === 'direct') {
      return uplink && range.via
        ? [{ dst, type: 'unicast', device: uplink.name, gateway: range.via, mtuBytes }]
        : []
    }
    if (!vxlan) return []
    const source = vxlan.addresses.find((a) => familyOf(a) === cidrFamily(dst))
    const gateway = tunnelAddress(dst)
    return [
      {
        dst,
        type: 'unicast',
        device: vxlan.name,
        gateway,
        onLink: true,
        mtuBytes,
        ...(source ? { source } : {}),
      },
    ]
  })
}

const tunnelNeighbours = (peer: Peer, vxlan: DesiredVxlan | undefined): DesiredNeighbour[] =>
  vxlan ? peer.ranges.map((r) => ({ device: vxlan.name, ip: tunnelAddress(r.cidr), mac: peer.vxlanMac })) : []

/** Kept resolved by the kernel: the firewall binds the peer's ranges to the MAC that is learnt here. */
const segmentNeighbours = (peer: Peer, uplink: Uplink | undefined): DesiredNeighbour[] =>
  uplink ? peer.onLink.map((ip) => ({ device: uplink.name, ip, mac: undefined })) : []

function podMtu(config: Config, uplink: Uplink | undefined, peers: readonly Peer[]): number {
  const full = uplink?.mtuBytes ?? FALLBACK_MTU_BYTES
  if (config.podMtu === 'uplink') return full
  return Math.min(full, ...peers.map((p) => p.mtuBytes))
}

const selfMissing = ({ selfName, nodes }: NetworkInput): Fault => ({
  kind: 'node-missing',
  object: `node ${selfName}`,
  wanted: 'this node among the nodes',
  found: `${nodes.length} others, such as ${nodes[0]?.name}`,
  next: 'set nodeName in the config to the name that the Node has',
})

const doubleAddress = (node: NodeRow, selfName: string): Fault => ({
  kind: 'address-overlap',
  object: `node ${node.name}`,
  wanted: 'an address of its own',
  found: `${node.addresses.join(', ')}, which node ${selfName} has`,
  next: 'its pods are out of reach; remove the Node if it stands for an earlier life of this machine',
})

const nodeComplaints = (node: NodeRow): Fault[] =>
  node.complaints.map((found) => ({
    kind: 'node',
    object: `node ${node.name}`,
    wanted: 'readable addresses and ranges',
    found,
    next: 'correct the Node object; the rest of it is used',
  }))
