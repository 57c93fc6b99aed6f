// Which pods of this node want to talk from socket to socket, past the stack, with others that want it too. PURE.

import type { Ip } from '../base/ip.ts'
import type { Endpoint } from '../state/endpoint.ts'
import type { PodRow } from '../state/rows.ts'

export const SOCKETS_ANNOTATION = 'podlane.io/same-node-sockets'

/** What crosses to the kernel Worker of a pod that has opted in. */
export type SocketWish = Pick<PodRow, 'uid' | 'addresses'>

/**
 * Anything but «true» is no. A pod that has ended wishes nothing: its addresses may be another's. Neither does one with
 * a bandwidth limit: its queues see packets only.
 */
export const socketWishes = (pods: Iterable<PodRow>): SocketWish[] =>
  [...pods]
    .filter((pod) => !pod.ended && pod.annotations[SOCKETS_ANNOTATION] === 'true' && !isLimited(pod))
    .map(({ uid, addresses }) => ({ uid, addresses }))

const isLimited = ({ annotations }: PodRow): boolean =>
  ['ingress', 'egress'].some((way) => annotations[`kubernetes.io/${way}-bandwidth`] !== undefined)

/**
 * The endpoints' addresses that are opted in. Who an endpoint belongs to says its uid; only where a runtime gave none
 * the addresses that the API reports must do.
 */
export function planSockets(wishes: readonly SocketWish[], endpoints: readonly Endpoint[]): ReadonlySet<Ip> {
  const uids = new Set(wishes.map((w) => w.uid))
  const reported = new Set(wishes.flatMap((w) => w.addresses))
  return new Set(
    endpoints.flatMap((e) =>
      e.podUid === undefined
        ? e.addresses.filter((ip) => reported.has(ip))
        : uids.has(e.podUid)
          ? e.addresses
          : [],
    ),
  )
}
