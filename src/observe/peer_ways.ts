// Peers that this node reaches by another interface than its uplink: what they send comes in there too, and does not
// count, for only the uplink's packets do. Met on hosts with two network cards.

import type { Fault } from '../base/result.ts'
import { getLinks, parseLink } from '../kernel/netlink/link.ts'
import { getRouteTo, parseRoute } from '../kernel/netlink/route.ts'
import { NETLINK_ROUTE, NetlinkSocket } from '../kernel/netlink/socket.ts'
import type { Peer } from '../plan/peers.ts'
import type { Uplink } from '../plan/uplink.ts'

const SHOWN = 3

export function readPeerWays(
  uplink: Uplink | undefined,
  peers: readonly Pick<Peer, 'name' | 'address'>[],
): readonly Fault[] {
  if (!uplink || peers.length === 0) return []
  using socket = new NetlinkSocket(NETLINK_ROUTE)
  const answers = socket.batch(peers.map((p) => getRouteTo(p.address)))
  const devices = answers.map((a) => (a.ok && a.replies[0] ? parseRoute(a.replies[0])?.device : undefined))
  const astray = peers.flatMap((peer, i) => {
    const device = devices[i]
    return device === undefined || device === uplink.index ? [] : [{ peer, device }]
  })
  const [first] = astray
  if (!first) return []
  const names = new Map(socket.dump(getLinks()).map((body) => [parseLink(body).index, parseLink(body).name]))
  const nameOf = (device: typeof first.device): string => names.get(device) ?? `interface ${device}`
  const told = astray.slice(0, SHOWN).map((a) => `${a.peer.name} (${a.peer.address}) by ${nameOf(a.device)}`)
  const rest = astray.length > SHOWN ? ` and ${astray.length - SHOWN} more` : ''
  return [
    {
      kind: 'peer-way',
      object: `uplink ${uplink.name}`,
      wanted: 'the way to every other node through it, as their packets count only there',
      found: `${told.join(', ')}${rest}`,
      next: `set uplink.device to ${nameOf(first.device)}, or correct the route (ip route get ${first.peer.address})`,
    },
  ]
}
