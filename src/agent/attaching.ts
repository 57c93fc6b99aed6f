// When waiting pods get their programs: each makes the kernel wait with its lock held, so while ADDs and DELs come they
// have the kernel for themselves; but no pod waits for ever.

import type { Clock } from '../base/clock.ts'

export type AttachingOptions = {
  /** Brings one pod in. @returns false if none waited */
  readonly next: () => boolean
  readonly clock: Clock
}
export type Attaching = {
  /** An ADD or a DEL was under way. */
  readonly busy: () => void
  /** Some pod may wait. */
  readonly look: () => void
}

const LOOK_MS = 25
/** After the last ADD or DEL. */
const QUIET_MS = 100
/** In a storm that does not end, a pod in so long a time. */
const LONGEST_MS = 1_000

export function createAttaching({ next, clock }: AttachingOptions): Attaching {
  let busyAtMs = 0
  let doneAtMs = 0
  let _timer: NodeJS.Timeout | undefined

  const look = (): void => {
    _timer ??= setTimeout(turn, LOOK_MS)
  }
  const turn = (): void => {
    _timer = undefined
    const nowMs = clock.nowMs()
    const mayWait = nowMs - busyAtMs < QUIET_MS && nowMs - doneAtMs < LONGEST_MS
    if (!mayWait) {
      if (!next()) return
      doneAtMs = clock.nowMs()
    }
    look()
  }
  return {
    busy: () => {
      const nowMs = clock.nowMs()
      // The first of a storm has the quiet time before it.
      if (nowMs - busyAtMs > LONGEST_MS) doneAtMs = nowMs
      busyAtMs = nowMs
      look()
    },
    look,
  }
}
