// What the host has that decides which interface is the uplink, and how it lives: links, addresses, the way to a chosen
// address.

import type { Ip } from '../base/ip.ts'
import { getAddresses, parseAddress } from '../kernel/netlink/address.ts'
import { getLinks, type LinkRow, parseLink } from '../kernel/netlink/link.ts'
import { getRoutes, getRouteTo, parseRoute } from '../kernel/netlink/route.ts'
import type { NetlinkSocket } from '../kernel/netlink/socket.ts'
import type { Uplink, UplinkFacts } from '../plan/uplink.ts'
import type { Config } from '../schema/config.ts'
import { readSwitch } from './switches.ts'

const PROTOCOL_ROUTER_ADVERTISEMENT = 9

export const readLinks = (socket: NetlinkSocket): LinkRow[] => socket.dump(getLinks()).map(parseLink)

export function readUplinkFacts(socket: NetlinkSocket, config: Pick<Config, 'uplink'>): UplinkFacts {
  const { canReach } = config.uplink
  return {
    links: readLinks(socket),
    addresses: socket
      .dump(getAddresses())
      .map(parseAddress)
      .filter((a) => a !== undefined),
    wayTo: canReach === undefined ? undefined : wayTo(socket, canReach),
  }
}

function wayTo(socket: NetlinkSocket, ip: Ip): UplinkFacts['wayTo'] {
  const answer = socket.request(getRouteTo(ip))
  return answer.ok && answer.replies[0] ? parseRoute(answer.replies[0])?.device : undefined
}

/** True if router advertisements give the host its IPv6 way out, and the host still obeys them. */
export function isRouterFed(socket: NetlinkSocket, uplink: Uplink | undefined): boolean {
  if (!uplink || readSwitch(`ipv6/conf/${uplink.name}/accept_ra`) !== '1') return false
  const routes = socket.dump(getRoutes(6, PROTOCOL_ROUTER_ADVERTISEMENT)).map(parseRoute)
  return routes.some((r) => r?.device === uplink.index)
}
