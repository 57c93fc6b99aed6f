// What the fast lane's programs drop, in the log. How many there were stands in status.

import { systemClock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'

/** A program that drops one packet drops the next. */
const DROPS_TOLD_MS = 60_000

/** Each reason once a minute. */
export function tellDrops(log: Log): (why: string) => void {
  /** BOUNDED by the reasons that there are. */
  const told = new Map<string, number>()
  return (why) => {
    const nowMs = systemClock.nowMs()
    if (nowMs - (told.get(why) ?? Number.NEGATIVE_INFINITY) < DROPS_TOLD_MS) return
    told.set(why, nowMs)
    log.warn({ why }, 'the fast lane dropped packets')
  }
}
