// Packets a second of each path, from counters of two looks that are not too far apart.

import type { CountedPath, PathLane } from '../apply/fast_lane_contract.ts'

/** Shorter, and a few packets make a rate; longer, and it is the past's. */
const GOOD_MS = 500
const MOST_MS = 60_000
/** What serves if there is nothing better. */
export const LEAST_MS = 20

type Look = { readonly atMs: number; readonly packets: ReadonlyMap<string, number> }

/** A peer's IPv4 and IPv6 ranges may have paths of their own. */
export const rateKey = ({ peer, ranges }: Pick<PathLane, 'peer' | 'ranges'>): string =>
  `${peer} ${ranges.join()}`

export class PathRates {
  /** Two looks; each BOUNDED by the paths. */
  #before: Look | undefined
  #last: Look | undefined

  /** False: a rate needs another look first. */
  isReady(nowMs: number): boolean {
    return this.#base(nowMs) !== undefined
  }

  /** Packets a second by `rateKey`, in both directions. */
  look(lanes: readonly CountedPath[], nowMs: number): ReadonlyMap<string, number> {
    const now: Look = { atMs: nowMs, packets: new Map(lanes.map((l) => [rateKey(l), l.packets])) }
    const base = this.#base(nowMs)
    if (!this.#last || nowMs - this.#last.atMs >= GOOD_MS) this.#before = this.#last
    this.#last = now
    if (!base) return new Map()
    const seconds = (nowMs - base.atMs) / 1000
    return new Map(
      [...now.packets].map(([key, packets]) => [
        key,
        Math.max(0, packets - (base.packets.get(key) ?? packets)) / seconds,
      ]),
    )
  }

  #base(nowMs: number): Look | undefined {
    const usable = (leastMs: number): Look | undefined =>
      [this.#last, this.#before].find((look) => {
        const ageMs = look ? nowMs - look.atMs : 0
        return ageMs >= leastMs && ageMs <= MOST_MS
      })
    return usable(GOOD_MS) ?? usable(LEAST_MS)
  }
}
