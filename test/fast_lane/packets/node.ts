// Frames as they come to this node from its pods and peers, and as they must leave it: each in one call.

import type { IfIndex } from '../../../src/base/ifindex.ts'
import { familyOf, type Ip } from '../../../src/base/ip.ts'
import type { Mac } from '../../../src/base/mac.ts'
import { vxlanMac } from '../../../src/plan/pod_link.ts'
import { type Bed, gatewayMac, type Ran, uplinkMac } from './bed.ts'
import { frameOf, ipPacket, type Outer, type Segment, vxlan } from './bytes.ts'
import { addresses, directHop6, macOf, own, type Peer, peers, podAddress, routerMac } from './topology.ts'

export type Ends = Pick<Segment, 'src' | 'dst'>

/** A pod's frame, sent by its gateway. */
export const fromPod = (n: number, packet: Buffer): Buffer =>
  frameOf({ to: gatewayMac, from: macOf(n) }, packet)
/** As it must come to a pod. */
export const toPod = (n: number, packet: Buffer): Buffer =>
  frameOf({ to: macOf(n), from: gatewayMac }, packet)
/** As it comes in from a peer on the segment, and from a router. */
export const onSegment = (from: Mac, packet: Buffer): Buffer => frameOf({ to: uplinkMac, from }, packet)
/** As it goes out to one. */
export const outTo = (to: Mac, packet: Buffer): Buffer => frameOf({ to, from: uplinkMac }, packet)

/** The tunnel's packet from this node to the peer. */
export const tunnelTo = (peer: Peer, packet: Buffer, over: Partial<Outer> & { sourcePort: number }): Buffer =>
  vxlan(
    { to: peer.hop.mac, from: uplinkMac, src: own[familyOf(peer.address)], dst: peer.address, ...over },
    frameOf({ to: vxlanMac(peer.address), from: vxlanMac(own[familyOf(peer.address)]) }, packet),
  )
export const tunnelFrom = (peer: Peer, packet: Buffer, over: Partial<Outer> = {}): Buffer => {
  const here = own[familyOf(peer.address)]
  const ends = { src: peer.address, dst: here, sourcePort: 50_000 }
  return vxlan(
    { to: uplinkMac, from: routerMac, ...ends, ...over },
    frameOf({ to: vxlanMac(here), from: vxlanMac(peer.address) }, packet),
  )
}

export const egress = (bed: Bed, n: number, packet: Buffer, skb?: Parameters<Bed['run']>[3]): Ran =>
  bed.run('pod_egress', bed.pods[n] as IfIndex, fromPod(n, packet), skb)
export const ingress = (bed: Bed, frame: Buffer, skb?: Parameters<Bed['run']>[3]): Ran =>
  bed.run('uplink_ingress', bed.uplink, frame, skb)

/** From the peer by the path that it has. */
export const fromPeer = (peer: Peer, packet: Buffer, over: Partial<Outer> = {}): Buffer =>
  peer === peers.direct ? onSegment(directHop6.mac, packet) : tunnelFrom(peer, packet, over)

export const toPeer = (n: number, peer: Peer, family: 4 | 6): Ends => ({
  src: podAddress(n, family),
  dst: peer.pod[family],
})
export const back = ({ src, dst }: Ends): Ends => ({ src: dst, dst: src })
export const swapped = (s: Segment): Segment => ({
  ...s,
  ...back(s),
  ...(s.ports && s.protocol !== 'echo' ? { ports: [s.ports[1], s.ports[0]] as const } : {}),
})

export const hasPod = (address: Ip): boolean => addresses.some((a) => a[familyOf(address)] === address)
export const tcp = (ends: Ends, over: Partial<Segment> = {}): Buffer =>
  ipPacket({ protocol: 'tcp', ...ends, ...over })
