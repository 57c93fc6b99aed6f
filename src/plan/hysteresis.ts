// Follows a level that should be full through observations that may be wrong, late or flapping: falls after two bad
// ones in a row, rises only after a good time that doubles with each relapse. PURE: times are arguments.

export type Level = {
  /** What counts now: `full`, or less. */
  readonly held: number
  /** Observations in a row below what is held, not closer together than `SPACING_MS`. */
  readonly bad: number
  readonly badAtMs: number
  /** Since when every observation was better than what is held, and the least of them. */
  readonly betterSinceMs: number | undefined
  readonly betterLevel: number
  /** Times that it fell again within `CALM_MS` of a rise. */
  readonly relapses: number
  readonly roseAtMs: number | undefined
  readonly seenAtMs: number
}

/** One bad observation may be a lost probe. */
export const BAD_IN_A_ROW = 2
/** Several observations of one moment are one. */
export const SPACING_MS = 400
/** How long it must have been better before it counts as better, the first time and at most. */
export const FIRST_HOLD_MS = 15_000
export const LONGEST_HOLD_MS = 600_000
/** A rise that has lasted so long was true: what comes later is no relapse. */
export const CALM_MS = 600_000
/** A path that nobody looks at any more is tried again after this time. */
export const FORGET_MS = 600_000

export const fullLevel = (full: number, nowMs: number): Level => ({
  held: full,
  bad: 0,
  badAtMs: Number.NEGATIVE_INFINITY,
  betterSinceMs: undefined,
  betterLevel: full,
  relapses: 0,
  roseAtMs: undefined,
  seenAtMs: nowMs,
})

export const holdMs = (relapses: number): number => Math.min(LONGEST_HOLD_MS, FIRST_HOLD_MS * 2 ** relapses)

/**
 * @param level as observed; more than `full` counts as full
 * @param nowMs not before the last observation's
 */
export function observeLevel(before: Level, level: number, full: number, nowMs: number): Level {
  const now = Math.min(level, full)
  const seen = { ...before, seenAtMs: nowMs }
  if (now < before.held) return fall(seen, now, full, nowMs)
  if (before.held >= full) return { ...seen, bad: 0 }
  if (now === before.held) return { ...seen, bad: 0, betterSinceMs: undefined }
  return rise({ ...seen, bad: 0 }, now, full, nowMs)
}

function fall(before: Level, level: number, full: number, nowMs: number): Level {
  const isNew = nowMs - before.badAtMs >= SPACING_MS
  const bad = before.bad + (isNew || before.bad === 0 ? 1 : 0)
  const counted = { ...before, bad, badAtMs: isNew ? nowMs : before.badAtMs, betterSinceMs: undefined }
  if (bad < BAD_IN_A_ROW) return counted
  const isRelapse = before.held >= full && before.roseAtMs !== undefined && nowMs - before.roseAtMs < CALM_MS
  const relapses = before.held < full ? before.relapses : isRelapse ? before.relapses + 1 : 0
  return { ...counted, held: level, bad: 0, relapses }
}

function rise(before: Level, level: number, full: number, nowMs: number): Level {
  const since = before.betterSinceMs ?? nowMs
  const least = before.betterSinceMs === undefined ? level : Math.min(before.betterLevel, level)
  const better = { ...before, betterSinceMs: since, betterLevel: least }
  if (nowMs - since < holdMs(before.relapses)) return better
  return {
    ...better,
    held: least,
    betterSinceMs: undefined,
    roseAtMs: least >= full ? nowMs : before.roseAtMs,
  }
}

/** Undefined: there is nothing to remember, since it is well and calm or was not looked at for long. */
export function ageLevel(before: Level, full: number, nowMs: number): Level | undefined {
  const isLost = nowMs - before.seenAtMs >= FORGET_MS
  const isCalm = before.roseAtMs === undefined || nowMs - before.roseAtMs >= CALM_MS
  if (before.held >= full) return isLost || (before.bad === 0 && isCalm) ? undefined : before
  if (!isLost) return before
  // Tried again: a path that is avoided may be one that nobody looks at.
  return { ...before, held: full, bad: 0, betterSinceMs: undefined, roseAtMs: nowMs, seenAtMs: nowMs }
}
