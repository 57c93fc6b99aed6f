// Neighbours that carry our protocol number: fixed ones of pods and tunnels, kernel-managed ones of peers on the link.

import type { IfIndex } from '../base/ifindex.ts'
import type { Ip } from '../base/ip.ts'
import type { Mac } from '../base/mac.ts'
import { ENOENT } from '../kernel/errno.ts'
import type { Message } from '../kernel/netlink/message.ts'
import {
  delNeighbour,
  getNeighbours,
  manageNeighbour,
  type NeighbourRow,
  NUD_PERMANENT,
  parseNeighbour,
  setNeighbour,
} from '../kernel/netlink/neighbour.ts'
import type { NetlinkSocket } from '../kernel/netlink/socket.ts'
import type { DesiredNeighbour } from '../plan/network.ts'
import { ROUTE_PROTOCOL } from '../plan/ownership.ts'
import { byKey, difference } from './difference.ts'
import { merged, type Outcome, write } from './outcome.ts'

/** Without MAC: the kernel is to resolve it and keep it. */
type Wanted = { readonly device: IfIndex; readonly ip: Ip; readonly mac: Mac | undefined }

/** Everybody's. */
export function readNeighbours(socket: NetlinkSocket): NeighbourRow[] {
  return ([4, 6] as const)
    .flatMap((family) => socket.dump(getNeighbours(family)))
    .map(parseNeighbour)
    .filter((n) => n !== undefined)
}

export const isOwnNeighbour = (n: NeighbourRow): boolean => n.protocol === ROUTE_PROTOCOL

/** An operator's fixed entry: it stays, and what it says is believed. */
const isFixedByOthers = (n: NeighbourRow): boolean =>
  !isOwnNeighbour(n) && (n.state & NUD_PERMANENT) !== 0 && n.mac !== undefined

/** MACs of peers on the uplink, as the kernel resolved them for us or an operator fixed them. */
export function peerMacs(neighbours: readonly NeighbourRow[], uplink: IfIndex | undefined): Map<Ip, Mac> {
  const out = new Map<Ip, Mac>()
  for (const n of neighbours) {
    const counts = (isOwnNeighbour(n) && n.managed) || isFixedByOthers(n)
    if (counts && n.device === uplink && n.mac !== undefined) out.set(n.ip, n.mac)
  }
  return out
}

export const neighbourMessage = (n: Wanted): Message =>
  n.mac === undefined
    ? manageNeighbour({ ...n, protocol: ROUTE_PROTOCOL })
    : setNeighbour({ ...n, mac: n.mac, protocol: ROUTE_PROTOCOL })

export function applyNeighbours(
  socket: NetlinkSocket,
  all: readonly NeighbourRow[],
  desired: readonly DesiredNeighbour[],
  device: (name: string) => IfIndex | undefined,
  sweep: boolean,
): Outcome {
  const key = (n: { device: IfIndex; ip: Ip }): string => `${n.device} ${n.ip}`
  const have = all.filter(isOwnNeighbour)
  const fixed = new Set(all.filter(isFixedByOthers).map(key))
  const wanted = desired.flatMap((n): Wanted[] => {
    const index = device(n.device)
    if (index === undefined || (n.mac === undefined && fixed.has(key({ device: index, ip: n.ip })))) return []
    return [{ ...n, device: index }]
  })
  const diff = difference(byKey(have, key), byKey(wanted, key), isAsWanted)
  return merged([
    sweep ? write(socket, 'remove', diff.surplus.map(delNeighbour), [ENOENT]) : { changes: [], faults: [] },
    write(socket, 'add', diff.missing.map(neighbourMessage)),
    write(
      socket,
      'change',
      diff.changed.map((c) => neighbourMessage(c.want)),
    ),
  ])
}

const isAsWanted = (have: NeighbourRow, want: Wanted): boolean =>
  want.mac === undefined
    ? have.managed && have.isLearnedElsewhere
    : have.mac === want.mac && (have.state & NUD_PERMANENT) !== 0
