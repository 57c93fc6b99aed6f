// Time as an argument: production passes `systemClock` or `steadyClock`, tests pass their own.

export type Clock = {
  /** Milliseconds since the epoch; of `steadyClock`, since the process began. */
  readonly nowMs: () => number
  /** Resolves after `ms`, or early when the signal aborts. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const done = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      signal?.addEventListener('abort', done)
    }),
}

/** For spans of time alone: nobody sets this one back, as happens to the wall clock (CLOCK_MONOTONIC). */
export const steadyClock: Clock = { nowMs: () => Math.floor(performance.now()), sleep: systemClock.sleep }
