// Changes in the kernel by other hands. An event says only «look again» and how soon; those that cannot concern us are
// left out, so that a busy host does not keep the agent busy.

import type { IfIndex } from '../base/ifindex.ts'
import { poll, READABLE } from '../kernel/addon.ts'
import { completesChecksums } from '../kernel/ethtool.ts'
import { parseAddress } from '../kernel/netlink/address.ts'
import { attributes, readText } from '../kernel/netlink/attribute.ts'
import { parseLink } from '../kernel/netlink/link.ts'
import { parseFdb, parseNeighbour } from '../kernel/netlink/neighbour.ts'
import { parseRoute } from '../kernel/netlink/route.ts'
import { NETLINK_NETFILTER, NETLINK_ROUTE, NetlinkSocket } from '../kernel/netlink/socket.ts'
import { NFT_TABLE, ROUTE_PROTOCOL, VXLAN_LINK } from '../plan/ownership.ts'

const GROUP = { link: 1, neighbour: 3, address4: 5, route4: 7, address6: 9, route6: 11 } as const
const NFT_GROUP = 7
const NEWLINK = 16
const DELLINK = 17
const NEWADDR = 20
const DELADDR = 21
const DELROUTE = 25
const NEWNEIGH = 28
const DELNEIGH = 29
/** Subsystem nftables (10), NFT_MSG_DELTABLE, DELCHAIN, DELRULE, DELSET: none of these is ever a step of ours. */
const NFT_REMOVALS: readonly number[] = [2, 5, 8, 11].map((message) => (10 << 8) | message)

type Event = { readonly type: number; readonly body: Uint8Array }
/** What was last seen of the tunnel device. */
type Tunnel = { seen: string | undefined }
type Concern = { readonly why: string; readonly urgency: Urgency }

/**
 * `now`: packets are being lost. `soon`: our own steps and other programs' look the same, so there is no hurry.
 * `tables`: rules or sets are gone, which only building them anew can mend.
 */
export type Urgency = 'now' | 'soon' | 'tables'

export type WatchOptions = {
  /** Called on the event loop with a word for the log, once for each urgency that a burst of events holds. */
  readonly look: (why: string, urgency: Urgency) => void
  readonly isUplink: (index: IfIndex) => boolean
}

/** Returns the function that ends it. */
export function watchKernel({ look, isUplink }: WatchOptions): () => void {
  /** BOUNDED by the peers on the segment: the MAC last seen of each managed neighbour. */
  const macs = new Map<string, string | undefined>()
  const tunnel: Tunnel = { seen: undefined }
  const stops = [
    follow(NETLINK_ROUTE, Object.values(GROUP), look, (e) => routeConcern(e, macs, tunnel, isUplink)),
    follow(NETLINK_NETFILTER, [NFT_GROUP], look, (e) =>
      NFT_REMOVALS.includes(e.type) && tableOf(e) === NFT_TABLE
        ? { why: 'nft removal', urgency: 'tables' }
        : undefined,
    ),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

/** Tables, chains, rules and sets all name their table in attribute 1. Other programs remove theirs all the time. */
const tableOf = (event: Event): string | undefined => readText(attributes(event.body.subarray(4)).get(1))

function follow(
  protocol: number,
  groups: readonly number[],
  look: WatchOptions['look'],
  concernOf: (event: Event) => Concern | undefined,
): () => void {
  const socket = new NetlinkSocket(protocol, { groups, nonblocking: true })
  const stop = poll(socket.fd, READABLE, () => {
    const { messages, lost } = socket.drain()
    const whys = new Map<Urgency, string>()
    if (lost) whys.set(protocol === NETLINK_ROUTE ? 'now' : 'tables', 'events lost')
    for (const message of messages) {
      const concern = concernOf(message)
      if (concern && !whys.has(concern.urgency)) whys.set(concern.urgency, concern.why)
    }
    for (const [urgency, why] of whys) look(why, urgency)
  })
  return () => {
    stop()
    socket.close()
  }
}

function routeConcern(
  event: Event,
  macs: Map<string, string | undefined>,
  tunnel: Tunnel,
  isUplink: WatchOptions['isUplink'],
): Concern | undefined {
  switch (event.type) {
    case NEWLINK:
    case DELLINK:
      return linkConcern(event, tunnel, isUplink)
    case NEWADDR:
    case DELADDR: {
      const row = parseAddress(event.body)
      return { why: `address ${row?.ip}`, urgency: row && isUplink(row.index) ? 'now' : 'soon' }
    }
    case DELROUTE: {
      // Routes of others that come do not touch ours; of ours, only a loss matters.
      const row = parseRoute(event.body)
      return row?.protocol === ROUTE_PROTOCOL ? { why: `route ${row.dst} lost`, urgency: 'soon' } : undefined
    }
    case NEWNEIGH:
    case DELNEIGH:
      return neighbourConcern(event, macs)
    default:
      return undefined
  }
}

function linkConcern(
  { type, body }: Event,
  tunnel: Tunnel,
  isUplink: WatchOptions['isUplink'],
): Concern | undefined {
  const row = parseLink(body)
  const isTunnel = row.name === VXLAN_LINK
  if (isTunnel) {
    // A bare probe (observe/probes/bare.ts) switches it there and back: two events, and nothing is another.
    const now = type === DELLINK ? undefined : JSON.stringify([row, completesChecksums(VXLAN_LINK)])
    if (now !== undefined && now === tunnel.seen) return undefined
    tunnel.seen = now
  }
  const vital = isUplink(row.index) || (isTunnel && type === DELLINK)
  return { why: `link ${row.name}`, urgency: vital ? 'now' : 'soon' }
}

function neighbourConcern(event: Event, macs: Map<string, string | undefined>): Concern | undefined {
  // An entry with a destination is one of a vxlan device.
  const entry = event.type === DELNEIGH ? parseFdb(event.body) : undefined
  if (entry) return { why: `fdb ${entry.mac} lost`, urgency: 'soon' }
  const row = parseNeighbour(event.body)
  if (!row || row.protocol !== ROUTE_PROTOCOL) return undefined
  if (event.type === DELNEIGH) {
    macs.delete(row.ip)
    return { why: `neighbour ${row.ip} lost`, urgency: row.managed ? 'now' : 'soon' }
  }
  // Reachable, stale, probe: states come and go many times a minute; the MAC is what counts.
  if (!row.managed || macs.get(row.ip) === row.mac) return undefined
  macs.set(row.ip, row.mac)
  return { why: `neighbour ${row.ip}`, urgency: 'now' }
}
