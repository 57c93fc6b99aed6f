// How packets get to each other node: over the plain link where both share a segment, else through VXLAN; chosen per
// pair and address family, with the reason in words. PURE.

import { type Cidr, cidrFamily } from '../base/cidr.ts'
import { type Family, familyOf, type Ip } from '../base/ip.ts'
import type { Mac } from '../base/mac.ts'
import type { Fault } from '../base/result.ts'
import type { Config } from '../schema/config.ts'
import type { NodeRow } from '../state/rows.ts'
import {
  curedKind,
  curedMtuBytes,
  needsSoftwareChecksums,
  needsTunnelToStand,
  sickPathFaults,
  workaroundOf,
} from './cured_path.ts'
import type { PathCure } from './path_cures.ts'
import { vxlanMac } from './pod_link.ts'
import { isOnLink, type Uplink } from './uplink.ts'

export type PathKind = 'direct' | 'vxlan'

export type PeerRange = {
  readonly cidr: Cidr
  readonly path: PathKind
  /** What it is when no path is sick. */
  readonly usualPath: PathKind
  /** Next hop of a direct path. */
  readonly via: Ip | undefined
  readonly mtuBytes: number
}

export type Peer = {
  readonly name: string
  /** Where VXLAN goes, and what identifies the node on the underlay. */
  readonly address: Ip
  /** Every address that the peer may send VXLAN from or be reached at. */
  readonly addresses: readonly Ip[]
  /** Those on this node's segment. Their MACs are kept known whatever the path: the peer may already send direct. */
  readonly onLink: readonly Ip[]
  readonly vxlanMac: Mac
  readonly ranges: readonly PeerRange[]
  readonly path: PathKind | 'none'
  readonly why: string
  readonly mtuBytes: number
  /** What is done about sick paths, in a few words. */
  readonly workaround: string | undefined
  /** Each sick path that is in use, or would be. */
  readonly sickPaths: readonly Fault[]
  /** Checksums within a tunnel to it are not left to any device. */
  readonly softwareChecksums: boolean
  /** The tunnel has to stand, to see whether it carries what another path does not. */
  readonly needsTunnel: boolean
}

export type PeerInput = {
  readonly config: Pick<Config, 'pathMode'>
  readonly uplink: Uplink
  readonly underlay: Ip
  readonly ranges: ReadonlyMap<string, readonly Cidr[]>
  /** By peer: those with a sick path. */
  readonly cures?: ReadonlyMap<string, PathCure>
}

/** Outer Ethernet is outside the MTU: IP, UDP, VXLAN and the inner Ethernet header remain. */
export const vxlanOverheadBytes = (underlay: Family): number => (underlay === 4 ? 20 : 40) + 8 + 8 + 14

/** The largest packet of a pod that a well path of the kind carries. */
export const fullMtuBytes = (kind: PathKind, uplinkMtuBytes: number, underlay: Ip): number =>
  kind === 'direct' ? uplinkMtuBytes : uplinkMtuBytes - vxlanOverheadBytes(familyOf(underlay))

export function planPeer(
  node: NodeRow,
  input: PeerInput,
): { readonly peer?: Peer; readonly complaints: readonly Fault[] } {
  const family = familyOf(input.underlay)
  const address = node.addresses.find((a) => familyOf(a) === family)
  if (address === undefined) return { complaints: [addressFault(node, family)] }
  const complaints: Fault[] = []
  const ranges: PeerRange[] = []
  for (const cidr of input.ranges.get(node.name) ?? []) {
    const range = planRange(cidr, node, input)
    if (range) ranges.push(range)
    else complaints.push(notDirectFault(node, cidr))
  }
  const path = ranges.length === 0 ? 'none' : ranges.every((r) => r.path === 'direct') ? 'direct' : 'vxlan'
  const sick = { peer: node.name, uplink: input.uplink.name, ranges, cure: input.cures?.get(node.name) }
  const workaround = workaroundOf(sick)
  const sickPaths = sickPathFaults(sick)
  const peer: Peer = {
    name: node.name,
    address,
    addresses: node.addresses,
    onLink: node.addresses.filter((a) => isOnLink(input.uplink, a)),
    vxlanMac: vxlanMac(address),
    ranges,
    path,
    why:
      reason(usualKind(ranges), address, input) +
      (workaround === undefined ? '' : `; worked around: ${workaround}`),
    mtuBytes: Math.min(input.uplink.mtuBytes, ...ranges.map((r) => r.mtuBytes)),
    workaround,
    sickPaths,
    softwareChecksums: needsSoftwareChecksums(sick.cure),
    needsTunnel:
      input.config.pathMode !== 'direct' && ranges.some((r) => needsTunnelToStand(r.usualPath, sick.cure)),
  }
  return { peer, complaints }
}

/** The next hop must be of the range's own family: IPv6 pods need an IPv6 node address to go direct. */
function planRange(cidr: Cidr, node: NodeRow, input: PeerInput): PeerRange | undefined {
  const { uplink, config, underlay } = input
  const via = node.addresses.find((a) => familyOf(a) === cidrFamily(cidr) && isOnLink(uplink, a))
  const usualPath = config.pathMode !== 'vxlan' && via ? 'direct' : 'vxlan'
  if (config.pathMode === 'direct' && usualPath === 'vxlan') return undefined
  const cure = input.cures?.get(node.name)
  // What the operator has chosen is not ours to change; where `auto` tunnels there is no direct way.
  const isOtherPossible = config.pathMode === 'auto' && via !== undefined
  const path = curedKind(usualPath, isOtherPossible, cure)
  const full = fullMtuBytes(path, uplink.mtuBytes, underlay)
  const mtuBytes = curedMtuBytes(full, path, cidrFamily(cidr), cure)
  return { cidr, path, usualPath, via: path === 'direct' ? via : undefined, mtuBytes }
}

/** Why it is as it is without cures: those are told beside. */
const usualKind = (ranges: readonly PeerRange[]): Peer['path'] =>
  ranges.length === 0 ? 'none' : ranges.every((r) => r.usualPath === 'direct') ? 'direct' : 'vxlan'

function reason(path: Peer['path'], address: Ip, input: PeerInput): string {
  if (path === 'direct') return `${address} is on the segment of ${input.uplink.name}`
  if (path === 'none') return 'the node has no usable pod range'
  if (input.config.pathMode === 'vxlan') return 'pathMode is vxlan'
  return `${address} is behind a router, not on the segment of ${input.uplink.name}`
}

const addressFault = (node: NodeRow, family: Family): Fault => ({
  kind: 'no-node-address',
  object: `node ${node.name}`,
  wanted: `an internal IPv${family} address, as this node's underlay has`,
  found: node.addresses.join(', ') || 'none',
  next: 'give the node an InternalIP of that family; its pods are out of reach until then',
})

const notDirectFault = (node: NodeRow, cidr: Cidr): Fault => ({
  kind: 'not-direct',
  object: `node ${node.name}`,
  wanted: `a direct path to ${cidr} (pathMode is direct)`,
  found: `no address of it on this node's segment: ${node.addresses.join(', ')}`,
  next: 'set pathMode to auto, or put both nodes on one segment',
})
