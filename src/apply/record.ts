// What a former run left in the kernel about the cluster: enough for an ADD while the API is out of reach.

import { type Cidr, cidrFamily } from '../base/cidr.ts'
import { familyOf } from '../base/ip.ts'
import type { LinkRow } from '../kernel/netlink/link.ts'
import type { RouteRow } from '../kernel/netlink/route.ts'
import { VXLAN_GROUP, VXLAN_LINK } from '../plan/ownership.ts'
import { vxlanOverheadBytes } from '../plan/peers.ts'

export type NetworkRecord = {
  /** Our unreachable routes are the record of this node's ranges. */
  readonly ranges: readonly Cidr[]
  /** The uplink's; undefined if no route to a peer tells which link that was. */
  readonly linkMtuBytes: number | undefined
  /** Of the smallest path to a peer. */
  readonly routeMtuBytes: number | undefined
}

/** @param routes ours alone */
export function readRecord(routes: readonly RouteRow[], links: readonly LinkRow[]): NetworkRecord {
  const peers = routes.filter((r) => r.gateway !== undefined && r.device !== undefined)
  const paths = peers.flatMap((r) => r.mtuBytes ?? [])
  return {
    ranges: recordedRanges(routes),
    linkMtuBytes: uplinkMtu(peers, links),
    routeMtuBytes: paths.length > 0 ? Math.min(...paths) : undefined,
  }
}

/** IPv4 first, as a Node names its ranges. */
export const recordedRanges = (routes: readonly RouteRow[]): Cidr[] =>
  routes
    .filter((r) => r.type === 'unreachable')
    .map((r) => r.dst)
    .sort((a, b) => cidrFamily(a) - cidrFamily(b))

function uplinkMtu(peers: readonly RouteRow[], links: readonly LinkRow[]): number | undefined {
  const used = new Set(peers.map((r) => r.device))
  const direct = links.find((l) => used.has(l.index) && l.name !== VXLAN_LINK)
  if (direct) return direct.mtuBytes
  const tunnel = links.find((l) => l.name === VXLAN_LINK && l.group === VXLAN_GROUP)
  const local = tunnel?.vxlan?.local
  return tunnel && local ? tunnel.mtuBytes + vxlanOverheadBytes(familyOf(local)) : undefined
}
