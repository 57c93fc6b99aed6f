// A path as the programs read it, with the whole header that they put before a packet: Ethernet alone on a direct path;
// Ethernet, IP, UDP, VXLAN and the inner Ethernet in a tunnel (RFC 7348).

import { ipBytes } from '../../base/ip.ts'
import { macBytes } from '../../base/mac.ts'
import type { FastPath, Lane } from '../../plan/fast_lane.ts'
import { lane, layouts, pathKind } from './abi.ts'
import { addressKey, isFamily4 } from './values.ts'

const ETHERTYPE = { 4: 0x0800, 6: 0x86dd } as const
const ETHERNET_BYTES = 14
const UDP = 17
const TTL = 64
const VXLAN_HAS_VNI = 0x08

export const laneNumber = (wish: Lane): number => (wish === 'fast' ? lane.LANE_FAST : lane.LANE_PLAIN)

/** `paths[0]`: both ends are on this node. */
export function herePath(wish: Lane, mtuBytes: number): Buffer {
  const out = Buffer.alloc(layouts.path.size)
  out.writeUInt32LE(pathKind.PATH_HERE, layouts.path.kind.at)
  out.writeUInt32LE(laneNumber(wish), layouts.path.lane.at)
  out.writeUInt32LE(mtuBytes, layouts.path.mtu_bytes.at)
  return out
}

/** @param hop index of the next hop */
export function pathValue(path: FastPath, hop: number): Buffer {
  const at = layouts.path
  const out = Buffer.alloc(at.size)
  const header = headerOf(path)
  out.writeUInt32LE(kindOf(path), at.kind.at)
  out.writeUInt32LE(laneNumber(path.lane), at.lane.at)
  out.writeUInt32LE(path.uplink, at.ifindex.at)
  out.writeUInt32LE(path.mtuBytes, at.mtu_bytes.at)
  out.writeUInt32LE(hop, at.hop.at)
  if (kindOf(path) === pathKind.PATH_VXLAN_4)
    out.writeUInt16LE(partialSum(header.subarray(ETHERNET_BYTES, ETHERNET_BYTES + 20)), at.checksum.at)
  if (path.directMac) out.set(macBytes(path.directMac), at.direct_mac.at)
  out.set(addressKey(path.address), at.peer.at)
  out.set(addressKey(path.own), at.own.at)
  out.set(header, at.header.at)
  return out
}

function kindOf(path: FastPath): number {
  if (path.kind === 'direct') return pathKind.PATH_DIRECT
  return isFamily4(path.address) ? pathKind.PATH_VXLAN_4 : pathKind.PATH_VXLAN_6
}

function headerOf(path: FastPath): Buffer {
  if (!path.hop) return Buffer.alloc(0)
  const outer = Buffer.concat([macBytes(path.hop.mac), macBytes(path.ownMac)])
  if (path.kind === 'direct') return outer
  const four = isFamily4(path.address)
  return Buffer.concat([
    outer,
    big16(ETHERTYPE[four ? 4 : 6]),
    four ? outerIpv4(path) : outerIpv6(path),
    // Source port and length come with each packet; no checksum, as on our VXLAN device.
    Buffer.concat([big16(0), big16(path.tunnel.port), big16(0), big16(0)]),
    Buffer.from([VXLAN_HAS_VNI, 0, 0, 0]),
    big32(path.tunnel.vni << 8),
    macBytes(path.tunnel.destination),
    macBytes(path.tunnel.source),
    big16(0),
  ])
}

/** Length, identification, ECN and sum come with each packet. Routers may fragment it, as the kernel's device lets them. */
function outerIpv4(path: FastPath): Buffer {
  const out = Buffer.alloc(20)
  out[0] = 0x45
  out[8] = TTL
  out[9] = UDP
  out.set(ipBytes(path.own), 12)
  out.set(ipBytes(path.address), 16)
  return out
}

function outerIpv6(path: FastPath): Buffer {
  const out = Buffer.alloc(40)
  out[0] = 0x60
  out[6] = UDP
  out[7] = TTL
  out.set(ipBytes(path.own), 8)
  out.set(ipBytes(path.address), 24)
  return out
}

/** RFC 1071 over little-endian words: the order in which the programs go on adding. */
function partialSum(header: Buffer): number {
  let sum = 0
  for (let i = 0; i < header.length; i += 2) sum += header.readUInt16LE(i)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return sum
}

function big16(value: number): Buffer {
  const out = Buffer.alloc(2)
  out.writeUInt16BE(value)
  return out
}

function big32(value: number): Buffer {
  const out = Buffer.alloc(4)
  out.writeUInt32BE(value >>> 0)
  return out
}
