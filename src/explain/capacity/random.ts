// Numbers that look random and are the same in every run: an interval must not change because it is asked for twice.

/** In [0, 1), from mulberry32 (public domain, Tommy Ettinger): 2³² numbers before it repeats. */
export type Random = () => number

export function seeded(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
