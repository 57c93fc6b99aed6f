// How long to wait before the next try: doubling with jitter, at most 5 s for about the first minute so that a
// restarted API server is found soon, then up to 30 s so that one that is gone for long is left in peace.

export type BackoffOptions = {
  readonly baseMs?: number
  readonly firstCapMs?: number
  /** So many tries stay under `firstCapMs`. */
  readonly firstTries?: number
  readonly capMs?: number
  /** Uniform in [0, 1). */
  readonly random?: () => number
}

export class Backoff {
  readonly #options: BackoffOptions
  #tries = 0

  constructor(options: BackoffOptions = {}) {
    this.#options = options
  }

  /** Milliseconds: between half and the whole of this try's delay, so that a thousand agents do not return at once. */
  nextMs(): number {
    const {
      baseMs = 200,
      firstCapMs = 5_000,
      firstTries = 16,
      capMs = 30_000,
      random = Math.random,
    } = this.#options
    const late = this.#tries - firstTries + 1
    const early = Math.min(firstCapMs, baseMs * 2 ** Math.min(this.#tries, 30))
    const delayMs = late > 0 ? Math.min(capMs, firstCapMs * 2 ** Math.min(late, 30)) : early
    this.#tries++
    return delayMs * (0.5 + random() / 2)
  }

  reset(): void {
    this.#tries = 0
  }
}
