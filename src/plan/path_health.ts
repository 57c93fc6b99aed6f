// What is known of one path to one peer, as its probes have found it: the plan takes another path, or a smaller MTU,
// by this alone. PURE.

import type { PathKind } from './peers.ts'

export type PathHealth = {
  readonly peer: string
  readonly kind: PathKind
  /** unknown: nobody has answered yet, or the peer has said that it ends. */
  readonly reach: 'both' | 'out-only' | 'in-only' | 'none' | 'unknown'
  /** The largest IP packet that arrives whole at the peer; inside the tunnel for `vxlan`. */
  readonly trueMtuBytes?: number
  readonly checksum: 'ok' | 'broken' | 'unknown'
  readonly large: 'ok' | 'broken' | 'unknown'
}
