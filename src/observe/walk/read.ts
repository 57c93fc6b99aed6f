// Reads everything that decides about one packet on this node, live from the kernel: within some milliseconds, and without
// changing anything.

import type { IfIndex } from '../../base/ifindex.ts'
import { familyOf, type Ip } from '../../base/ip.ts'
import { getLinkByName, type LinkRow, parseLink } from '../../kernel/netlink/link.ts'
import { NETLINK_NETFILTER, NETLINK_ROUTE, NetlinkSocket } from '../../kernel/netlink/socket.ts'
import type { Tracked } from '../../kernel/nft/tracked.ts'
import { VXLAN_LINK } from '../../plan/ownership.ts'
import type { Uplink } from '../../plan/uplink.ts'
import type { Packet, Wire } from '../../schema/walk.ts'
import type { Endpoint } from '../../state/endpoint.ts'
import type { Entry, FilterFacts, PeerFact, WalkFacts } from './facts.ts'
import { readFilter, readTargetSets } from './filter.ts'
import { readLane } from './lane_maps.ts'
import { linkFact, readLink, readPod, readPrograms } from './links.ts'
import type { OtherTables } from './others.ts'
import { PROTOCOL_NUMBER } from './protocols.ts'
import { readShortWay } from './short_way.ts'
import { readTracking } from './tracking.ts'
import { ownSource, readTunnel, readWay } from './way.ts'

export type NamedPod = { readonly endpoint: Endpoint; readonly name: string }
export type ReadQuestion = {
  readonly node: string
  readonly packet: Packet
  readonly entry:
    | { readonly kind: 'pod'; readonly pod: NamedPod }
    | {
        readonly kind: 'node'
        /** As whom it sends: another than the kernel would choose. */
        readonly as: Ip | undefined
      }
    | { readonly kind: 'wire'; readonly wire: Wire }
  /** The pod of this node that has an address. */
  readonly podAt: (ip: Ip) => NamedPod | undefined
  readonly peer: PeerFact | undefined
  readonly uplink: Uplink | undefined
  readonly bpfFolder: string
  readonly kernel: WalkFacts['kernel']
  readonly vxlan: { readonly port: number; readonly vni: number }
  readonly probePort: number | undefined
  readonly otherTables: OtherTables
}

/** From the namespace of the calling thread. */
export function readWalk(question: ReadQuestion): WalkFacts {
  using route = new NetlinkSocket(NETLINK_ROUTE)
  using netfilter = new NetlinkSocket(NETLINK_NETFILTER)
  return readBy(question, route, netfilter)
}

function readBy(q: ReadQuestion, route: NetlinkSocket, netfilter: NetlinkSocket): WalkFacts {
  const packet = sentAs(q, route)
  const entry = readEntry(q, route)
  const lane = readLane(q.bpfFolder, packet, entry.kind === 'wire' ? packet.source : packet.destination)
  const { tracked, notes } = readTracking(netfilter, packet)
  const { route: first } = readWay(route, { destination: packet.destination })
  const isLocal = 'type' in first && first.type === 'local'
  const sets = readFilter(netfilter, { ...filterQuestion(packet, entry), isLocal })
  const target = targetOf(packet, tracked, sets)
  // What leaves is looked at as it is by then.
  const filter = { ...sets, ...readTargetSets(netfilter, target.ip) }
  const tunnelDevice = readTunnelDevice(route)
  const device = deviceOf(entry, tunnelDevice, q.uplink)
  const way = readWay(route, {
    destination: target.ip,
    protocol: PROTOCOL_NUMBER[packet.protocol][familyOf(packet.source)],
    ...(packet.sourcePort === undefined ? {} : { sourcePort: packet.sourcePort }),
    ...(target.port === undefined ? {} : { port: target.port }),
    ...(device === undefined ? {} : { device, source: packet.source }),
  })
  const receiver = q.podAt(target.ip)
  const uplink = q.uplink && readLink(route, q.uplink.index)
  return {
    node: q.node,
    packet,
    entry,
    lane: lane.facts,
    kernel: q.kernel,
    vxlanPort: q.vxlan.port,
    vni: q.vxlan.vni,
    probePort: q.probePort,
    uplink: uplink && linkFact(uplink),
    uplinkPrograms: q.uplink ? readPrograms(route, q.uplink.index, 'ingress') : [],
    tracked,
    filter,
    others: q.otherTables.read(netfilter, familyOf(packet.source)),
    target,
    route: way.route,
    neighbour: way.neighbour,
    tunnelDevice: tunnelDevice && linkFact(tunnelDevice),
    tunnel: readTunnel(route, way.device, way.neighbour),
    masqueraded: ownSource(route, target.ip, q.uplink?.addresses.map((a) => a.ip) ?? []),
    receiver: receiver && readPod(route, receiver.endpoint, receiver.name),
    peer: q.peer,
    notes: [...lane.notes, ...notes, ...readShortWay(q.bpfFolder, packet)],
  }
}

function readEntry({ entry }: ReadQuestion, route: NetlinkSocket): Entry {
  if (entry.kind === 'node') return { kind: 'node' }
  if (entry.kind === 'wire') return entry
  return { kind: 'pod', pod: readPod(route, entry.pod.endpoint, entry.pod.name) }
}

/** What a node sends has the source that its route says. */
function sentAs({ packet, entry, uplink }: ReadQuestion, route: NetlinkSocket): Packet {
  if (entry.kind !== 'node') return packet
  const chosen = ownSource(route, packet.destination, uplink?.addresses.map((a) => a.ip) ?? [])
  return { ...packet, source: entry.as ?? chosen ?? packet.source }
}

const filterQuestion = (packet: Packet, entry: Entry) => ({
  packet,
  ...(entry.kind === 'pod' && entry.pod.link
    ? { from: { index: entry.pod.link.index, mac: entry.pod.mac } }
    : {}),
  ...(entry.kind === 'wire' ? { wire: entry.wire } : {}),
})

/** Where a packet goes once the host has translated its destination: what is tracked counts before what a map says. */
function targetOf(
  packet: Packet,
  tracked: Tracked | undefined,
  { hostPort }: Pick<FilterFacts, 'hostPort'>,
): WalkFacts['target'] {
  const isForward = tracked?.original.destination === packet.destination
  if (tracked && isForward && tracked.translatesDestination)
    return { ip: tracked.reply.source, port: tracked.reply.sourcePort }
  // An answer in a flow whose source was translated goes back to who that was.
  if (tracked && !isForward && tracked.translatesSource)
    return { ip: tracked.original.source, port: tracked.original.sourcePort }
  return hostPort ? { ip: hostPort.to, port: hostPort.port } : { ip: packet.destination, port: packet.port }
}

/** The interface by which it comes in; undefined: it is the node's own. */
function deviceOf(
  entry: Entry,
  tunnelDevice: LinkRow | undefined,
  uplink: Uplink | undefined,
): IfIndex | undefined {
  if (entry.kind === 'node') return undefined
  if (entry.kind === 'pod') return entry.pod.link?.index
  return entry.wire.outer ? tunnelDevice?.index : uplink?.index
}

function readTunnelDevice(route: NetlinkSocket): LinkRow | undefined {
  const answer = route.request(getLinkByName(VXLAN_LINK))
  const [body] = answer.ok ? answer.replies : []
  return body && parseLink(body)
}
