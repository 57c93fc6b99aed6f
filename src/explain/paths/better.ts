// What the next better path would need: the fast lane before another kind of path, the direct path before larger
// packets, and what passes the kernel by only after all of these. PURE.

import type { PathKind } from '../../plan/peers.ts'
import type { Config } from '../../schema/config.ts'

export type BetterFacts = {
  readonly kind: PathKind
  readonly lane: 'fast' | 'plain' | 'mixed' | undefined
  /** Why the lane is plain. */
  readonly laneWhy: string
  readonly pathMode: Config['pathMode']
  /** Whether the nodes share a segment. */
  readonly isOnSegment: boolean
  readonly mtuBytes: number
  readonly trueMtuBytes: number | undefined
  /** Whether this path's own probes go one way at most. */
  readonly isBroken: boolean
  /** Whether a direct path's probes come through; undefined: unknown. */
  readonly isDirectWell: boolean | undefined
}

/** From here on an uplink's packets count as jumbo frames. */
const JUMBO_BYTES = 8_900

export function betterPath(facts: BetterFacts): string {
  const { kind, lane, laneWhy, mtuBytes, trueMtuBytes } = facts
  if (facts.isBroken) return 'packets both ways: see what is wrong'
  if (lane !== undefined && lane !== 'fast') return `the fast lane: ${laneWhy || 'podlane lane fast'}`
  if (trueMtuBytes !== undefined && trueMtuBytes < mtuBytes)
    return `the full size: an underlay that carries ${mtuBytes} bytes, now ${trueMtuBytes}`
  if (kind === 'vxlan') return directNeeds(facts)
  if (mtuBytes < JUMBO_BYTES)
    return `jumbo frames: MTU 9000 on both uplinks and all that lies between, now ${mtuBytes}`
  return 'a bypass: a device for AF_XDP, DPDK or RDMA on both nodes, and an application that uses it'
}

function directNeeds({ pathMode, isOnSegment, isDirectWell }: BetterFacts): string {
  if (!isOnSegment) {
    const mode = pathMode === 'vxlan' ? ', and pathMode auto' : ''
    return `the direct path: both nodes on one segment${mode}`
  }
  if (isDirectWell === false) return 'the direct path: the segment must carry packets both ways first'
  if (pathMode === 'vxlan') return 'the direct path: pathMode auto; the nodes are on one segment'
  return 'the direct path: an address of the pods’ family on both uplinks, in one range'
}
