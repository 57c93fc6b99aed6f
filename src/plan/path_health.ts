// What a prober found out about one kind of path to one peer, in the form that plans understand. Nothing here says what
// is done about it: that is path_cures.ts.

import type { PathKind } from './peers.ts'

/** `in-only`: the peer is heard and does not hear this node; `out-only`: it hears this node and is not heard. */
export type Reach = 'both' | 'out-only' | 'in-only' | 'none' | 'unknown'

/** One observation, of packets as this node sends them. What was not found out is `unknown` or left out. */
export type PathHealth = {
  /** The peer's node name. */
  readonly peer: string
  readonly kind: PathKind
  readonly reach: Reach
  /** The largest IP packet of a pod that arrives by this path; in a tunnel the inner packet. */
  readonly trueMtuBytes?: number
  /** Of a packet whose checksum was left to the device. */
  readonly checksum: 'ok' | 'broken' | 'unknown'
  /** Packets of the size that the path should carry, and segments that a device is to cut. */
  readonly large: 'ok' | 'broken' | 'unknown'
}
