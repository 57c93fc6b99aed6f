// The host sides of committed endpoints as ADD made them: up, in the group by which the filter knows them, with the
// IPv6 gateway's address. Somebody may have changed them; the pod behind is alive.

import type { IfIndex } from '../base/ifindex.ts'
import { familyOf, parseIp } from '../base/ip.ts'
import { must } from '../base/result.ts'
import { type AddressRow, addAddress } from '../kernel/netlink/address.ts'
import { type Ipv4Switches, type LinkRow, setLink } from '../kernel/netlink/link.ts'
import type { Message } from '../kernel/netlink/message.ts'
import type { NetlinkSocket } from '../kernel/netlink/socket.ts'
import { GATEWAY_6, POD_GROUP } from '../plan/ownership.ts'
import { gatewayMac } from '../plan/pod_link.ts'
import type { Endpoint } from '../state/endpoint.ts'
import { type Outcome, write } from './outcome.ts'

const gateway6 = must(parseIp(GATEWAY_6))

/** Loose reverse path: a pod with fixed addresses may be answered by another way. Proxy ARP backs the gateway up. */
export const endpointSwitches = (routeLocalnet: boolean): Ipv4Switches => ({
  proxyArp: 1,
  reversePathFilter: 2,
  sendRedirects: 0,
  routeLocalnet: routeLocalnet ? 1 : 0,
})

/** Taking a link down takes its IPv6 addresses away: up first, then the address. */
export const gatewayMessages = (index: IfIndex, endpoint: Pick<Endpoint, 'addresses'>): Message[] =>
  endpoint.addresses.some((a) => familyOf(a) === 6)
    ? [addAddress({ index, ip: gateway6, prefixLength: 128 })]
    : []

export function applyEndpointLinks(
  socket: NetlinkSocket,
  endpoints: readonly Endpoint[],
  links: readonly LinkRow[],
  addresses: readonly AddressRow[],
): Outcome {
  const rows = new Map(links.map((l) => [l.index, l]))
  const withGateway = new Set(addresses.filter((a) => a.ip === gateway6).map((a) => a.index))
  const messages = endpoints.flatMap((e): Message[] => {
    const { index } = e.link
    const row = rows.get(index)
    if (!row) return []
    return [
      ...(row.group === POD_GROUP ? [] : [setLink(index, { group: POD_GROUP })]),
      // What every pod has as its fixed neighbour.
      ...(row.mac === gatewayMac ? [] : [setLink(index, { mac: gatewayMac })]),
      ...(row.up ? [] : [setLink(index, { up: true })]),
      ...(withGateway.has(index) ? [] : gatewayMessages(index, e)),
    ]
  })
  return write(socket, 'change', messages)
}
