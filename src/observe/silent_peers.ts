// Nodes on the segment that do not answer for their address: down, or behind something that only looks like a segment.

import type { Fault } from '../base/result.ts'
import { getNeighbours, NUD_FAILED, parseNeighbour } from '../kernel/netlink/neighbour.ts'
import { NETLINK_ROUTE, NetlinkSocket } from '../kernel/netlink/socket.ts'
import type { Peer } from '../plan/peers.ts'
import type { Uplink } from '../plan/uplink.ts'

const SHOWN = 3

/** The kernel keeps asking for these neighbours by itself; this only reads what came of it. */
export function readSilentPeers(
  uplink: Uplink | undefined,
  peers: readonly Pick<Peer, 'name' | 'onLink'>[],
): readonly Fault[] {
  if (!uplink || peers.every((p) => p.onLink.length === 0)) return []
  using socket = new NetlinkSocket(NETLINK_ROUTE)
  const failed = new Set(
    ([4, 6] as const)
      .flatMap((v) => socket.dump(getNeighbours(v)))
      .map(parseNeighbour)
      .filter((n) => n?.device === uplink.index && n.managed && (n.state & NUD_FAILED) !== 0)
      .map((n) => n?.ip),
  )
  const silent = peers.flatMap((p) =>
    p.onLink.filter((ip) => failed.has(ip)).map((ip) => `${p.name} (${ip})`),
  )
  if (silent.length === 0) return []
  const rest = silent.length > SHOWN ? ` and ${silent.length - SHOWN} more` : ''
  return [
    {
      kind: 'peer-silent',
      object: `segment of ${uplink.name}`,
      wanted: 'an answer from every node that shares it',
      found: `none from ${silent.slice(0, SHOWN).join(', ')}${rest}`,
      next: 'if the node is up, the segment ends somewhere between: set pathMode to vxlan',
    },
  ]
}
