// Which router leads to each node that is not on the segment: the kernel's own answer, policy routing included.

import type { IfIndex } from '../base/ifindex.ts'
import type { Ip } from '../base/ip.ts'
import { getRouteTo, parseRoute } from '../kernel/netlink/route.ts'
import type { NetlinkSocket } from '../kernel/netlink/socket.ts'

/** By node address; a node that another interface than the uplink leads to has none. */
export function findGateways(
  socket: NetlinkSocket,
  uplink: IfIndex | undefined,
  nodes: readonly Ip[],
): ReadonlyMap<Ip, Ip> {
  const out = new Map<Ip, Ip>()
  socket.batch(nodes.map(getRouteTo)).forEach((answer, i) => {
    const route = answer.ok && answer.replies[0] ? parseRoute(answer.replies[0]) : undefined
    const node = nodes[i]
    if (node !== undefined && route?.gateway !== undefined && route.device === uplink)
      out.set(node, route.gateway)
  })
  return out
}
