// Whose turn it is: all paths in a circle, those in doubt before and more often, all within a budget that does not grow
// with the cluster.

import { isUrgent, type PathState } from './path_state.ts'

/** Of one node, whatever the number of its peers; a search for an MTU may borrow of what comes. */
export const BUDGET_PER_SECOND = 30
/** A wake-up costs more than a probe: what is due goes together. */
export const TICK_MS = 250
/** Between two probes of one path, if the budget allows: of one that is well, and of one in doubt. */
const EVERY_MS = 500
const URGENT_MS = 250
/** Of the budget, for paths in doubt: if all are, the circle still goes round. */
const URGENT_SHARE = 0.6
const A_TICK = (BUDGET_PER_SECOND * TICK_MS) / 1000

/** Between two turns of a path that is well. */
export const intervalMs = (paths: number): number => Math.max(EVERY_MS, (paths / BUDGET_PER_SECOND) * 1000)

export class Schedule {
  #cursor = 0
  #urgentCursor = 0
  #tokens = 0

  /** @param send makes the path's probe; returns how many packets that took */
  tick(paths: readonly PathState[], nowMs: number, send: (path: PathState) => number): void {
    // What is not used is not saved: a burst after a pause would say nothing of the path.
    this.#tokens = Math.min(A_TICK, this.#tokens + A_TICK)
    if (paths.length === 0 || this.#tokens <= 0) return
    const every = intervalMs(paths.length)
    const take = (path: PathState, waitMs: number): void => {
      path.dueMs = nowMs + waitMs
      this.#tokens -= send(path)
    }
    const rest = this.#tokens * (1 - URGENT_SHARE)
    this.#urgentCursor = round(paths, this.#urgentCursor, (path) => {
      if (path.dueMs <= nowMs + every - URGENT_MS && isUrgent(path)) take(path, every)
      return this.#tokens > rest
    })
    this.#cursor = round(paths, this.#cursor, (path) => {
      if (path.dueMs <= nowMs) take(path, every)
      return this.#tokens > 0
    })
  }
}

/**
 * Once round from the cursor, for as long as `visit` wants more. Returns where to go on: never where it began, because
 * the first packet after a pause finds cold caches, and that must not be always the same path's.
 */
function round(paths: readonly PathState[], cursor: number, visit: (path: PathState) => boolean): number {
  for (let i = 0; i < paths.length; i++) {
    const at = (cursor + i) % paths.length
    const path = paths[at]
    if (path && !visit(path)) return (at + 1) % paths.length
  }
  return paths.length === 0 ? 0 : (cursor + 1) % paths.length
}
