// The largest packet that a path lets through, found by rounds of several sizes at once: what is lost answers with
// silence, so a round costs a wait, whatever it asks. Exact to the byte in four rounds for 1,500 bytes. PURE.

/** A packet of `passes` bytes arrives whole; one of `fails` does not, or has not been tried. */
export type MtuRange = { readonly passes: number; readonly fails: number }

const SIZES_A_ROUND = 8
const LOST_BY_CHANCE = 0.001
const FEWEST_COPIES = 2
const MOST_COPIES = 6

/** Sizes to try, ascending; none: it is found. Both ends are among them, so that what has not changed ends at once. */
export function sizesToTry({ passes, fails }: MtuRange): readonly number[] {
  const between = fails - passes - 1
  if (between <= SIZES_A_ROUND) return Array.from({ length: Math.max(0, between) }, (_, i) => passes + 1 + i)
  return Array.from(
    { length: SIZES_A_ROUND },
    (_, i) => passes + 1 + Math.floor((i * (between - 1)) / (SIZES_A_ROUND - 1)),
  )
}

/** @param arrived those of `tried` that came through */
export function narrowed(range: MtuRange, tried: readonly number[], arrived: ReadonlySet<number>): MtuRange {
  const passes = Math.max(range.passes, ...tried.filter((size) => arrived.has(size)))
  const fails = Math.min(range.fails, ...tried.filter((size) => size > passes && !arrived.has(size)))
  return { passes, fails }
}

/**
 * How often something is tried before its loss means more than chance.
 * @param loss of one try, 0 to 1
 */
export function copiesFor(loss: number): number {
  if (loss <= 0) return FEWEST_COPIES
  if (loss >= 1) return MOST_COPIES
  const copies = Math.ceil(Math.log(LOST_BY_CHANCE) / Math.log(loss))
  return Math.min(MOST_COPIES, Math.max(FEWEST_COPIES, copies))
}
