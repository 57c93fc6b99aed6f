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

export function readNeighbours(socket: NetlinkSocket): NeighbourRow[] {
  return ([4, 6] as const)
    .flatMap((family) => socket.dump(getNeighbours(family)))
    .map(parseNeighbour)
    .filter((n) => n !== undefined)
    .filter((n) => n.protocol === ROUTE_PROTOCOL)
}

export const neighbourMessage = (n: Wanted): Message =>
  n.mac === undefined
    ? manageNeighbour({ ...n, protocol: ROUTE_PROTOCOL })
    : setNeighbour({ ...n, mac: n.mac, protocol: ROUTE_PROTOCOL })

export function applyNeighbours(
  socket: NetlinkSocket,
  have: readonly NeighbourRow[],
  desired: readonly DesiredNeighbour[],
  device: (name: string) => IfIndex | undefined,
  sweep: boolean,
): Outcome {
  const wanted = desired.flatMap((n): Wanted[] => {
    const index = device(n.device)
    return index === undefined ? [] : [{ ...n, device: index }]
  })
  const key = (n: { device: IfIndex; ip: Ip }): string => `${n.device} ${n.ip}`
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
  want.mac === undefined ? have.managed : have.mac === want.mac && (have.state & NUD_PERMANENT) !== 0
