// «What if»: the facts as they would be with another lane, path or MTU; the same judge walks them. PURE. What follows from
// the change is changed too; what does not (a flow's decision for its life, a limit) stays.

import { type Cidr, cidrFamily } from '../../base/cidr.ts'
import { familyOf, type Ip } from '../../base/ip.ts'
import { err, fault, ok, type Result } from '../../base/result.ts'
import type {
  LaneFacts,
  LanePath,
  LinkFact,
  PeerFact,
  PodFact,
  RouteFact,
  WalkFacts,
} from '../../observe/walk/facts.ts'
import { tunnelAddress } from '../../plan/network.ts'
import { VXLAN_LINK } from '../../plan/ownership.ts'
import { vxlanOverheadBytes } from '../../plan/peers.ts'
import { vxlanMac } from '../../plan/pod_link.ts'
import type { Change } from '../../schema/walk_question.ts'

export function changed(facts: WalkFacts, change: Change): Result<WalkFacts> {
  let out: Result<WalkFacts> = ok(facts)
  const { mtuBytes, path, lane } = change
  // The MTU first: what a path carries follows from it.
  if (mtuBytes !== undefined) out = ok(withMtu(facts, mtuBytes))
  if (path !== undefined && out.ok) out = withPath(out.value, path)
  if (lane !== undefined && out.ok) out = withLane(out.value, lane)
  return out
}

function withLane(f: WalkFacts, lane: 'fast' | 'plain'): Result<WalkFacts> {
  if (!f.lane) {
    if (lane === 'plain') return ok(f)
    return fault(
      'bad-option',
      `--if lane=${lane}`,
      'a fast lane on this node',
      'none is loaded',
      'see «podlane status»',
    )
  }
  return ok({ ...f, lane: mapPaths(f.lane, (p) => ({ ...p, lane })) })
}

const mapPaths = (lane: LaneFacts, change: (path: LanePath) => LanePath): LaneFacts => ({
  ...lane,
  here: lane.here && change(lane.here),
  path: lane.path && change(lane.path),
})

/** Of the uplinks, the pods' links and all that is derived from them; pods keep the old one until they are made anew. */
function withMtu(f: WalkFacts, mtuBytes: number): WalkFacts {
  const link = <T extends LinkFact | undefined>(l: T): T =>
    l ? { ...l, mtuBytes: mtuOf(f, l, mtuBytes) } : l
  const pod = <T extends PodFact | undefined>(p: T): T =>
    p ? { ...p, link: link(p.link), end: link(p.end) } : p
  const route = (r: RouteFact): RouteFact => {
    if ('refused' in r || !r.device) return r
    const device = link(r.device)
    return { ...r, device, mtuBytes: r.mtuBytes === undefined ? undefined : device.mtuBytes }
  }
  const outer = f.peer?.address
  return {
    ...f,
    uplink: link(f.uplink),
    receiver: pod(f.receiver),
    entry: f.entry.kind === 'pod' ? { kind: 'pod', pod: pod(f.entry.pod) } : f.entry,
    route: route(f.route),
    tunnel: f.tunnel && { ...f.tunnel, route: f.tunnel.route && route(f.tunnel.route) },
    lane:
      f.lane &&
      mapPaths(f.lane, (p) => ({
        ...p,
        mtuBytes: p.kind === 'vxlan' ? mtuBytes - overhead(outer ?? p.peer) : mtuBytes,
      })),
  }
}

const overhead = (outer: Ip): number => vxlanOverheadBytes(familyOf(outer))

/** A tunnel's is smaller; whatever is neither a pod's nor between nodes keeps its own. */
function mtuOf(f: WalkFacts, link: LinkFact, mtuBytes: number): number {
  if (link.name !== VXLAN_LINK) return mtuBytes
  return mtuBytes - overhead(f.tunnel?.local ?? f.peer?.address ?? f.packet.source)
}

function withPath(f: WalkFacts, kind: 'direct' | 'vxlan'): Result<WalkFacts> {
  // The other node sends by the path that it has; both kinds are taken from it at any time.
  if (f.entry.kind === 'wire') return ok(f)
  const { peer, uplink } = f
  if (!peer?.range || !uplink) {
    const found = f.receiver ? 'a pod of this node' : 'nothing that a path between nodes leads to'
    return fault(
      'bad-option',
      `--if path=${kind}`,
      'a pod of another node as the target',
      found,
      'name another target',
    )
  }
  return kind === 'vxlan' ? ok(byTunnel(f, peer.range, peer, uplink)) : direct(f, peer.range, peer, uplink)
}

function byTunnel(f: WalkFacts, range: Cidr, peer: PeerFact, uplink: LinkFact): WalkFacts {
  if (f.tunnel) return f
  const mtuBytes = uplink.mtuBytes - overhead(peer.address)
  const onSegment = peer.onLink.includes(peer.address)
  const neighbour = onSegment
    ? { ip: peer.address, mac: f.lane?.path?.directMac, state: 'known' as const }
    : f.neighbour
  const gateway = tunnelAddress(range)
  const device: LinkFact = { ...uplink, name: VXLAN_LINK, kind: 'vxlan', mtuBytes, index: uplink.index }
  return {
    ...f,
    lane: f.lane && { ...f.lane, path: f.lane.path && { ...f.lane.path, kind: 'vxlan', mtuBytes } },
    route: { type: 'unicast', device, gateway, source: undefined, mtuBytes, entry: range },
    neighbour: { ip: gateway, mac: vxlanMac(peer.address), state: 'fixed' },
    tunnel: {
      ...{
        vni: f.vni,
        port: f.vxlanPort,
        local: f.lane?.path?.own ?? f.masqueraded,
        remote: peer.address,
        neighbour,
      },
      route: {
        type: 'unicast',
        device: uplink,
        gateway: undefined,
        source: undefined,
        mtuBytes: undefined,
        entry: undefined,
      },
    },
  }
}

function direct(f: WalkFacts, range: Cidr, peer: PeerFact, uplink: LinkFact): Result<WalkFacts> {
  if (!f.tunnel && f.lane?.path?.kind !== 'vxlan') return ok(f)
  const via = peer.onLink.find((ip) => familyOf(ip) === cidrFamily(range))
  if (via === undefined)
    return err({
      kind: 'bad-option',
      object: `--if path=direct to node ${peer.name}`,
      wanted: `an IPv${cidrFamily(range)} address of it on the segment of ${uplink.name}`,
      found: peer.onLink.join(', ') || `${peer.address}, which is behind a router`,
      next: 'put both nodes on one segment',
    })
  const { mtuBytes } = uplink
  const mac = f.lane?.path?.directMac
  return ok({
    ...f,
    lane: f.lane && {
      ...f.lane,
      path: f.lane.path && {
        ...f.lane.path,
        kind: 'direct',
        mtuBytes,
        hopMac: mac,
        hop: mac ? f.lane.path.hop : 'none',
      },
    },
    route: { type: 'unicast', device: uplink, gateway: via, source: undefined, mtuBytes, entry: range },
    neighbour: { ip: via, mac, state: mac ? 'known' : 'unknown' },
    tunnel: undefined,
  })
}

/** What a stream of full packets gains or loses: packets for each megabyte of TCP's bytes. */
export function packetsPerMegabyte(largestBytes: number, family: 4 | 6): number {
  // IP and TCP with timestamps.
  const payload = largestBytes - (family === 4 ? 20 : 40) - 32
  return payload > 0 ? Math.ceil(1e6 / payload) : Number.POSITIVE_INFINITY
}
