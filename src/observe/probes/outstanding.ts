// Questions that wait for their answer, by nonce: one that nobody can guess, so that a forged answer finds nothing.

import { randomFillSync } from 'node:crypto'
import type { Moment } from './packet.ts'
import type { Ask, PathState } from './path_state.ts'

export type Train = { waiting: number; arrived: number; readonly cars: number }

export type Question = {
  readonly path: PathState
  readonly ask: Ask
  /** Of the IP packet. */
  readonly sizeBytes: number
  readonly sentAt: Moment
  readonly sentMs: number
  readonly train: Train | undefined
  /** Sent without the help that the tunnel has: it says something of the device. */
  readonly isBare: boolean
}

/** An answer that takes longer counts as lost. */
export const PATIENCE_MS = 1_000

export class Outstanding {
  /** In the order of sending. BOUNDED by the probes of PATIENCE_MS. */
  readonly #questions = new Map<number, Question>()
  readonly #random = new Uint32Array(256)
  #left = 0

  nonce(): number {
    if (this.#left < 2) {
      randomFillSync(this.#random)
      this.#left = this.#random.length
    }
    const high = this.#random[--this.#left] ?? 0
    const low = this.#random[--this.#left] ?? 0
    return (high >>> 11) * 2 ** 32 + low
  }

  add(nonce: number, question: Question): void {
    this.#questions.set(nonce, question)
  }

  /** The question that this answers, once. */
  take(nonce: number, path: PathState): Question | undefined {
    const question = this.#questions.get(nonce)
    if (question?.path !== path) return undefined
    this.#questions.delete(nonce)
    return question
  }

  expired(nowMs: number): readonly Question[] {
    const gone: Question[] = []
    for (const [nonce, question] of this.#questions) {
      if (nowMs - question.sentMs < PATIENCE_MS) break
      this.#questions.delete(nonce)
      gone.push(question)
    }
    return gone
  }
}
