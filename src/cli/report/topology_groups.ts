// A thousand peers as a few groups: those that are reached by the same kind of path and live in the same segment.

import { type Cidr, cidrLength, cidrOf, parseCidr } from '../../base/cidr.ts'
import { familyOf, parseIp } from '../../base/ip.ts'
import type { AgentStatus, PathKind, PeerStatus } from '../../schema/agent_status.ts'

export type PeerGroup = {
  readonly path: PathKind
  /** The range that their addresses share, or words where there are too many ranges to name. */
  readonly segment: string
  readonly peers: readonly PeerStatus[]
}

/** So many are still taken in at a glance. */
export const MOST_GROUPS = 12
const ORDER: readonly PathKind[] = ['direct', 'vxlan', 'none']

/**
 * A segment is told by addresses alone: the range of the uplink's prefix length around each peer's address. That is the
 * truth for this node's own segment and the likeliest guess for those behind a router.
 */
export function groupPeers({ peers, uplink }: Pick<AgentStatus, 'peers' | 'uplink'>): readonly PeerGroup[] {
  const ranges = (uplink?.addresses ?? []).flatMap((a) => {
    const parsed = parseCidr(a)
    return parsed.ok ? [parsed.value] : []
  })
  const bySegment = Map.groupBy(peers, (p) => `${p.path} ${segmentOf(p.address, ranges)}`)
  const groups = [...bySegment.values()].flatMap((members) => {
    const [first] = members
    return first ? [{ path: first.path, segment: segmentOf(first.address, ranges), peers: members }] : []
  })
  return fewer(groups).toSorted(
    (a, b) => ORDER.indexOf(a.path) - ORDER.indexOf(b.path) || b.peers.length - a.peers.length,
  )
}

const USUAL_LENGTH = { 4: 24, 6: 64 } as const

function segmentOf(address: string, ranges: readonly Cidr[]): string {
  const ip = parseIp(address)
  if (!ip.ok) return address
  const family = familyOf(ip.value)
  const own = ranges.find((r) => r.includes(':') === (family === 6))
  return cidrOf(ip.value, own === undefined ? USUAL_LENGTH[family] : cidrLength(own))
}

/** The largest stay; what is left becomes one group for each kind of path. */
function fewer(groups: readonly PeerGroup[]): readonly PeerGroup[] {
  if (groups.length <= MOST_GROUPS) return groups
  const sorted = groups.toSorted((a, b) => b.peers.length - a.peers.length)
  const kept = sorted.slice(0, MOST_GROUPS - ORDER.length)
  const rest = Map.groupBy(sorted.slice(kept.length), (g) => g.path)
  const merged = [...rest].map(([path, some]) => ({
    path,
    segment: some.length === 1 ? (some[0]?.segment ?? '') : `${some.length} smaller segments`,
    peers: some.flatMap((g) => g.peers),
  }))
  return [...kept, ...merged]
}
