// What the node asks of the way from socket to socket. It is only ever faster: what it cannot do the network does, and
// nothing here makes an ADD fail.

import type { Fault } from '../base/result.ts'
import type { SocketWish } from '../plan/sockets.ts'
import type { Endpoint } from '../state/endpoint.ts'
import { nothing, type Outcome } from './outcome.ts'

export type SocketCount = {
  readonly name: string
  readonly why: string
  readonly events: number
  readonly bytes: number
}

export type SocketsStatus = {
  /** Off while no pod of the node has opted in: no program is attached then. */
  readonly state: 'on' | 'off' | 'missing'
  /** What this node lacks for it. */
  readonly fault: Fault | undefined
  /** Addresses that have opted in. */
  readonly pods: number
  readonly counts: readonly SocketCount[]
}

export type Sockets = {
  readonly apply: (
    wishes: readonly SocketWish[],
    endpoints: readonly Endpoint[],
    options: { readonly sweep: boolean },
  ) => Outcome
  /** Before the pod's first connection. The descriptor is of its network namespace. */
  readonly addPod: (endpoint: Endpoint, netnsFd: number) => void
  /** When this returns no new connection of its addresses is taken, and those that were use the stack. */
  readonly removePod: (endpoint: Endpoint) => void
  readonly status: () => SocketsStatus
  readonly close: () => void
}

/** For what needs no speed. */
export const noSockets: Sockets = {
  apply: () => nothing,
  addPod: () => {},
  removePod: () => {},
  status: () => ({ state: 'off', fault: undefined, pods: 0, counts: [] }),
  close: () => {},
}
