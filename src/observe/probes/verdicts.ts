// What the last probes of a path say of checksums and of large packets. Pure but for what it reads.

import type { PathHealth } from '../../plan/path_health.ts'
import { copiesFor } from './mtu_search.ts'
import type { Recent } from './samples.ts'

type Verdict = PathHealth['checksum']

export type ChecksumFacts = {
  readonly summed: Recent
  readonly unsummed: Recent
  /** Of those that came through at all: whether their bytes were those that were sent. */
  readonly whole: Recent
}

/**
 * A packet with a wrong checksum is dropped by the host that it reaches; without one it arrives. So what is lost only
 * with a checksum has a wrong one, and what arrives with other bytes had none that anybody looked at.
 */
export function checksumVerdict({ summed, unsummed, whole }: ChecksumFacts): Verdict {
  const bytes = whole.last(8)
  if (bytes.tries - bytes.good >= 3) return 'broken'
  const withSum = summed.last(8)
  const without = unsummed.last(4)
  if (withSum.tries === 8 && withSum.good === 0 && without.good >= 3) return 'broken'
  return withSum.tries >= 4 && withSum.good * 2 > withSum.tries ? 'ok' : 'unknown'
}

export type LargeFacts = {
  /** Trains: segments sent as one packet, for the kernel or the network card to cut. */
  readonly trains: Recent
  /** Single packets of the size of those segments. */
  readonly full: Recent
  /** Of small probes, 0 to 1: what it explains is no fault of large ones. */
  readonly loss: number
}

export function largeVerdict({ trains, full, loss }: LargeFacts): Verdict {
  if (trains.last(1).good === 1) return 'ok'
  // Two of three cars, or all, lost by chance.
  const needed = copiesFor(3 * loss ** 2 - 2 * loss ** 3)
  const last = trains.last(needed)
  const single = full.last(4)
  const isLostWhole = last.tries === needed && last.good === 0
  return isLostWhole && single.good * 2 > single.tries ? 'broken' : 'unknown'
}
