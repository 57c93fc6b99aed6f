// A watchdog over a connection: calls once when nothing was heard for as long as the present phase allows. Counts
// quarters of the time and not the wall clock, which may be set while we wait.

import type { Clock } from '../../base/clock.ts'

export class Silence {
  readonly #clock: Clock
  readonly #onSilence: (limitMs: number) => void
  readonly #run: Promise<void>
  #limitMs: number
  #quietQuarters = 0
  #wake = new AbortController()
  #stopped = false

  constructor(clock: Clock, limitMs: number, onSilence: (limitMs: number) => void) {
    this.#clock = clock
    this.#limitMs = limitMs
    this.#onSilence = onSilence
    this.#run = this.#watch()
  }

  heard(): void {
    this.#quietQuarters = 0
  }

  /** From now on the silence may last `limitMs`. */
  enter(limitMs: number): void {
    this.#limitMs = limitMs
    this.#quietQuarters = -1
    this.#wake.abort()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#wake.abort()
    await this.#run
  }

  async #watch(): Promise<void> {
    while (!this.#stopped) {
      await this.#clock.sleep(this.#limitMs / 4, this.#wake.signal)
      if (this.#wake.signal.aborted) this.#wake = new AbortController()
      this.#quietQuarters++
      if (this.#quietQuarters >= 4 && !this.#stopped) return this.#onSilence(this.#limitMs)
    }
  }
}
