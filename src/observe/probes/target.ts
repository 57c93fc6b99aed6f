// Where probes go: to a peer's address on the segment, and to the address that stands for it on its tunnel device,
// whichever of both carries the pods' packets. PURE.

import { cidrFamily } from '../../base/cidr.ts'
import { familyOf, type Ip } from '../../base/ip.ts'
import { tunnelAddress } from '../../plan/network.ts'
import { type PathKind, type Peer, vxlanOverheadBytes } from '../../plan/peers.ts'

export type Target = {
  readonly peer: string
  readonly kind: PathKind
  readonly to: Ip
  /** Of an IP packet, as planned. */
  readonly mtuBytes: number
  /** From where the peer may send by this path. */
  readonly senders: readonly Ip[]
}

export function targetsOf(peer: Peer, uplinkMtuBytes: number): readonly Target[] {
  return [directTarget(peer, uplinkMtuBytes), tunnelTarget(peer, uplinkMtuBytes)].filter(
    (t) => t !== undefined,
  )
}

function directTarget(peer: Peer, mtuBytes: number): Target | undefined {
  const to = peer.onLink.find((ip) => ip === peer.address) ?? peer.onLink[0]
  if (to === undefined) return undefined
  return { peer: peer.name, kind: 'direct', to, mtuBytes, senders: peer.addresses }
}

/** A range that goes by the tunnel has its route there; for another one only IPv4 finds the device without. */
function tunnelTarget(peer: Peer, uplinkMtuBytes: number): Target | undefined {
  const range =
    peer.ranges.find((r) => r.path === 'vxlan') ?? peer.ranges.find((r) => cidrFamily(r.cidr) === 4)
  if (!range) return undefined
  return {
    peer: peer.name,
    kind: 'vxlan',
    to: tunnelAddress(range.cidr),
    mtuBytes: uplinkMtuBytes - vxlanOverheadBytes(familyOf(peer.address)),
    senders: peer.ranges.map((r) => tunnelAddress(r.cidr)),
  }
}

export const sameTarget = (a: Target, b: Target): boolean =>
  a.to === b.to && a.mtuBytes === b.mtuBytes && a.senders.join() === b.senders.join()
