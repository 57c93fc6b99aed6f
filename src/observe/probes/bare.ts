// Probes of a tunnel whose checksums the stack makes, because a device spoils them: helped like that each would be well.
// So a few are sent bare: for the microseconds of one send the tunnel leaves checksums and cutting to the device again.
// What pods send in that moment may be lost, which is why it is a moment, and rare.

import { completesChecksums, setCompletesChecksums } from '../../kernel/ethtool.ts'
import { VXLAN_LINK } from '../../plan/ownership.ts'
import type { PathKind } from '../../plan/peers.ts'
import type { Ask } from './path_state.ts'

/** Of the whole node, whatever the number of its peers. */
const EVERY_MS = 2_000

export type Turn = { readonly ask: Ask; readonly isBare: boolean }

export class BareProbes {
  readonly #isHelped: () => boolean
  #lastMs = Number.NEGATIVE_INFINITY

  /** @param isHelped whether the tunnel's checksums are the stack's by now */
  constructor(isHelped: () => boolean) {
    this.#isHelped = isHelped
  }

  /** What to ask in its place: of a tunnel that is helped, only a bare probe says something of the device. */
  turn(ask: Ask, kind: PathKind, nowMs: number): Turn {
    const wouldBeHelped = kind === 'vxlan' && (ask === 'summed' || ask === 'train') && this.#isHelped()
    if (!wouldBeHelped) return { ask, isBare: false }
    if (nowMs - this.#lastMs < EVERY_MS) return { ask: 'unsummed', isBare: false }
    this.#lastMs = nowMs
    return { ask, isBare: true }
  }
}

/** Only what was off is switched, and off again. */
export function sendBare<T>(send: () => T): T {
  if (completesChecksums(VXLAN_LINK) !== false) return send()
  setCompletesChecksums(VXLAN_LINK, true)
  try {
    return send()
  } finally {
    setCompletesChecksums(VXLAN_LINK, false)
  }
}
