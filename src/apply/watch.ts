// Changes of links, routes and neighbours by other hands. An event says only «look again»; those that cannot concern
// us are left out, so that a busy host does not keep the agent busy.

import { poll, READABLE } from '../kernel/addon.ts'
import { parseLink } from '../kernel/netlink/link.ts'
import { parseNeighbour } from '../kernel/netlink/neighbour.ts'
import { parseRoute } from '../kernel/netlink/route.ts'
import { NETLINK_ROUTE, NetlinkSocket } from '../kernel/netlink/socket.ts'
import { ROUTE_PROTOCOL } from '../plan/ownership.ts'

const GROUP = { link: 1, neighbour: 3, address4: 5, route4: 7, address6: 9, route6: 11 } as const
const NEWLINK = 16
const DELLINK = 17
const NEWADDR = 20
const DELADDR = 21
const DELROUTE = 25
const NEWNEIGH = 28
const DELNEIGH = 29

type Event = { readonly type: number; readonly body: Uint8Array }

/** @param look called on the event loop with a word for the log. Returns the function that ends it. */
export function watchKernel(look: (why: string) => void): () => void {
  const socket = new NetlinkSocket(NETLINK_ROUTE, { groups: Object.values(GROUP), nonblocking: true })
  /** BOUNDED by the peers on the segment: the MAC last seen of each managed neighbour. */
  const macs = new Map<string, string | undefined>()
  const stop = poll(socket.fd, READABLE, () => {
    const { messages, lost } = socket.drain()
    const why = lost ? 'events lost' : messages.map((m) => concern(m, macs)).find((w) => w !== undefined)
    if (why !== undefined) look(why)
  })
  return () => {
    stop()
    socket.close()
  }
}

function concern(event: Event, macs: Map<string, string | undefined>): string | undefined {
  switch (event.type) {
    case NEWLINK:
    case DELLINK:
      return `link ${parseLink(event.body).name}`
    case NEWADDR:
    case DELADDR:
      return 'address'
    case DELROUTE:
      // Routes of others that come do not touch ours; of ours, only a loss matters.
      return parseRoute(event.body)?.protocol === ROUTE_PROTOCOL ? 'route lost' : undefined
    case NEWNEIGH:
    case DELNEIGH:
      return neighbourConcern(event, macs)
    default:
      return undefined
  }
}

function neighbourConcern(event: Event, macs: Map<string, string | undefined>): string | undefined {
  const row = parseNeighbour(event.body)
  if (!row || row.protocol !== ROUTE_PROTOCOL) return undefined
  if (event.type === DELNEIGH) {
    macs.delete(row.ip)
    return `neighbour ${row.ip} lost`
  }
  // Reachable, stale, probe: states come and go many times a minute; the MAC is what counts.
  if (!row.managed || macs.get(row.ip) === row.mac) return undefined
  macs.set(row.ip, row.mac)
  return `neighbour ${row.ip}`
}
