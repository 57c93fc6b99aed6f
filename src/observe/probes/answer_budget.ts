// How many questions are answered between two ticks: of all peers, and of one, so that a node gone wild neither takes the
// agent's time nor leaves the others without an answer.

const ANSWERS_A_TICK = 128
/** More than a search's round has packets: 48. */
const ANSWERS_A_PEER = 64

export class AnswerBudget {
  #left = ANSWERS_A_TICK
  /** BOUNDED by the answers of one tick. */
  readonly #given = new Map<string, number>()

  renew(): void {
    this.#left = ANSWERS_A_TICK
    this.#given.clear()
  }

  /** False: there is no answer for this one. */
  take(peer: string): boolean {
    const given = this.#given.get(peer) ?? 0
    if (this.#left === 0 || given === ANSWERS_A_PEER) return false
    this.#left--
    this.#given.set(peer, given + 1)
    return true
  }
}
