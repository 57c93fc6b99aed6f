// The way of a packet out of this node's stack: the kernel's own route lookup with the packet's addresses and interface,
// the neighbour that it leads to, and behind the VXLAN device the same for the tunnel's outer packet.

import type { IfIndex } from '../../base/ifindex.ts'
import { familyOf, type Ip } from '../../base/ip.ts'
import { ENOENT, errnoName } from '../../kernel/errno.ts'
import type { LinkRow } from '../../kernel/netlink/link.ts'
import {
  getFdbEntry,
  getNeighbour,
  NUD_FAILED,
  NUD_NOARP,
  NUD_PERMANENT,
  parseFdb,
  parseNeighbour,
} from '../../kernel/netlink/neighbour.ts'
import { parseRoute, type RouteRow } from '../../kernel/netlink/route.ts'
import { getWay, type RouteQuestion } from '../../kernel/netlink/route_lookup.ts'
import type { NetlinkSocket } from '../../kernel/netlink/socket.ts'
import type { NeighbourFact, RouteFact, TunnelFact } from './facts.ts'
import { linkFact, readLink } from './links.ts'

export type Way = {
  readonly route: RouteFact
  readonly device: LinkRow | undefined
  readonly neighbour: NeighbourFact | undefined
}

export function readWay(socket: NetlinkSocket, question: RouteQuestion): Way {
  const [way, entry] = socket.batch([getWay(question), getWay(question, true)])
  if (!way?.ok) {
    const refused = way ? errnoName(way.errno) : 'no answer'
    return { route: { refused }, device: undefined, neighbour: undefined }
  }
  const row = way.replies[0] && parseRoute(way.replies[0])
  const found: RouteRow | undefined = entry?.ok && entry.replies[0] ? parseRoute(entry.replies[0]) : undefined
  if (!row)
    return {
      route: { refused: 'a kind of route that is none for pods' },
      device: undefined,
      neighbour: undefined,
    }
  const device = row.device === undefined ? undefined : readLink(socket, row.device)
  const hop = row.gateway ?? question.destination
  const route: RouteFact = {
    type: row.type,
    device: device && linkFact(device),
    gateway: row.gateway,
    source: row.source,
    mtuBytes: row.mtuBytes,
    entry: found?.dst,
  }
  const isLocal = row.type !== 'unicast' || !device
  return { route, device, neighbour: isLocal ? undefined : readNeighbour(socket, device.index, hop) }
}

/** Interfaces that have no neighbours are not asked for one. */
export function readNeighbour(socket: NetlinkSocket, device: IfIndex, ip: Ip): NeighbourFact {
  const answer = socket.request(getNeighbour({ device, ip }))
  const row = answer.ok && answer.replies[0] ? parseNeighbour(answer.replies[0]) : undefined
  if (!row) return { ip, mac: undefined, state: !answer.ok && answer.errno !== ENOENT ? 'failed' : 'unknown' }
  const state =
    row.state & (NUD_PERMANENT | NUD_NOARP)
      ? 'fixed'
      : row.state & NUD_FAILED
        ? 'failed'
        : row.mac
          ? 'known'
          : 'unknown'
  return { ip, mac: row.mac, state }
}

/** Behind the VXLAN device; undefined if `device` is none. */
export function readTunnel(
  socket: NetlinkSocket,
  device: LinkRow | undefined,
  inner: NeighbourFact | undefined,
): TunnelFact | undefined {
  if (!device?.vxlan) return undefined
  const { vni, port, local } = device.vxlan
  const answer = inner?.mac && socket.request(getFdbEntry({ device: device.index, mac: inner.mac }))
  const entry = answer?.ok && answer.replies[0] ? parseFdb(answer.replies[0]) : undefined
  const remote = entry?.dst
  if (remote === undefined) return { vni, port, local, remote, route: undefined, neighbour: undefined }
  const outer = readWay(socket, { destination: remote })
  return { vni, port, local, remote, route: outer.route, neighbour: outer.neighbour }
}

/** As whom this node would send there itself. */
export function ownSource(socket: NetlinkSocket, destination: Ip, others: readonly Ip[]): Ip | undefined {
  const { route } = readWay(socket, { destination })
  if ('type' in route && route.source !== undefined) return route.source
  return others.find((ip) => familyOf(ip) === familyOf(destination))
}
