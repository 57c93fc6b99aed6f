// Which ways of a path work, from what was heard on it and from what the peer says to have heard, by whatever path it
// says so. PURE.

import type { PathHealth } from '../../plan/path_health.ts'

export type ReachFacts = {
  /** Questions without an answer since the last answer. */
  readonly unanswered: number
  readonly answered: boolean
  /** Since anything of the peer came by this path; undefined: never, or it has said farewell. */
  readonly heardAgeMs: number | undefined
  /** Since the peer last had something of ours by this path, as it says. */
  readonly arrivedAgeMs: number | undefined
  /** Since the peer was heard by any path. */
  readonly peerAgeMs: number | undefined
  readonly hasLeft: boolean
  /** How long silence is chance: longer where probes are rarer. */
  readonly patienceMs: number
}

/** With a loss of 30 % one path in 1,400 looks so by chance. */
export const UNANSWERED = 6

export function reachOf(facts: ReachFacts): PathHealth['reach'] {
  const { patienceMs, unanswered } = facts
  const isFresh = (ageMs: number | undefined): boolean => ageMs !== undefined && ageMs <= patienceMs
  if (facts.hasLeft) return 'unknown'
  if (facts.answered && unanswered < UNANSWERED) return 'both'
  if (unanswered < UNANSWERED) return 'unknown'
  const comesIn = isFresh(facts.heardAgeMs)
  const goesOut = isFresh(facts.arrivedAgeMs)
  if (comesIn) return goesOut ? 'both' : 'in-only'
  if (goesOut) return 'out-only'
  // Silence of one that was never heard may be that of a host without an agent, or of one that filters the port.
  return facts.heardAgeMs !== undefined || isFresh(facts.peerAgeMs) ? 'none' : 'unknown'
}
