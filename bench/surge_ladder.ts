// The loads of a run: up to well beyond saturation and down again, in parts of what a path roughly carries. PURE.

import type { Direction } from './surge_steps.ts'

export type Rung = { readonly direction: Direction; readonly requestsPerSecond: number }
export type Ladder = readonly Rung[]

/**
 * Close together where the knee is looked for, and many below three quarters of it, for the fit that knows nothing of the
 * rest; the first is nearly rest, without which a fit cannot tell what the machine does anyway from what waking up costs.
 */
const UP = [
  ...[0.004, 0.02, 0.06, 0.1, 0.14, 0.18, 0.24, 0.3, 0.36, 0.42, 0.48, 0.54, 0.6, 0.66, 0.72],
  ...[0.78, 0.84, 0.9, 0.96, 1.02, 1.08, 1.15, 1.24, 1.36, 1.5, 1.8],
]
const DOWN = [1.35, 1.1, 1, 0.92, 0.84, 0.45]
const SHORT_UP = [0.12, 0.2, 0.28, 0.36, 0.44, 0.7, 0.9, 1.05, 1.25, 1.7]
const SHORT_DOWN = [1.05, 0.7, 0.36]

/** @param rough what the path about carries, in requests a second */
export function ladderTo(rough: number, short: boolean): Ladder {
  const rungs = (direction: Direction, parts: readonly number[]): Ladder =>
    parts.map((part) => ({ direction, requestsPerSecond: Math.round(part * rough) }))
  return [...rungs('up', short ? SHORT_UP : UP), ...rungs('down', short ? SHORT_DOWN : DOWN)]
}
