// Probes of a tunnel whose checksums the stack makes, because a device spoils them: helped like that each would be well.
// So a few are sent bare: for the microseconds of one send the tunnel leaves checksums and cutting to the device again.
// What pods send in that moment may be lost, and each switch waits for a lock of the whole kernel: so they are rare.

import { completesChecksums, setCompletesChecksums } from '../../kernel/ethtool.ts'
import { VXLAN_LINK } from '../../plan/ownership.ts'
import type { Ask } from './path_state.ts'
import type { Target } from './target.ts'

/** Of the whole node, whatever the number of its peers. */
const EVERY_MS = 30_000
/** After one that came back whole: the fault may be over, and a cure that nobody needs costs too. */
const SOON_MS = 2_000

export type Turn = { readonly ask: Ask; readonly isBare: boolean }

export class BareProbes {
  /** By peer: what is next to be asked bare of its tunnel. BOUNDED by the peers with a spoilt one. */
  readonly #next = new Map<string, 'summed' | 'train'>()
  /** Those that had their turn in this round. BOUNDED by the same. */
  readonly #served = new Set<string>()
  #lastMs = Number.NEGATIVE_INFINITY
  #everyMs = EVERY_MS

  /** @param peers whose tunnel was found spoilt, of those that there are: only these are asked bare, the others helped */
  concern(peers: readonly string[]): void {
    const now = new Set(peers)
    for (const peer of this.#next.keys()) if (!now.has(peer)) this.#forget(peer)
    for (const peer of now) if (!this.#next.has(peer)) this.#next.set(peer, 'summed')
  }

  isConcerned({ kind, peer }: Pick<Target, 'kind' | 'peer'>): boolean {
    return kind === 'vxlan' && this.#next.has(peer)
  }

  /** What to ask in its place: of a tunnel that is helped, only a bare probe says something of the device. */
  turn(ask: Ask, target: Pick<Target, 'kind' | 'peer'>, nowMs: number): Turn {
    const { peer } = target
    const bare = this.#next.get(peer)
    if (!bare || !this.isConcerned(target) || (ask !== 'summed' && ask !== 'train'))
      return { ask, isBare: false }
    if (nowMs - this.#lastMs < this.#everyMs || this.#served.has(peer))
      return { ask: 'unsummed', isBare: false }
    this.#lastMs = nowMs
    this.#served.add(peer)
    if (this.#served.size === this.#next.size) this.#served.clear()
    this.#next.set(peer, bare === 'summed' ? 'train' : 'summed')
    return { ask: bare, isBare: true }
  }

  /** What became of a bare one. */
  came(isWhole: boolean): void {
    this.#everyMs = isWhole ? SOON_MS : EVERY_MS
  }

  #forget(peer: string): void {
    this.#next.delete(peer)
    this.#served.delete(peer)
    if (this.#served.size === this.#next.size) this.#served.clear()
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
