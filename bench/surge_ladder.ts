// The loads of a run: up to well beyond saturation and down again, in parts of what a path roughly carries. PURE.

import type { Direction } from './surge_steps.ts'

export type Rung = { readonly direction: Direction; readonly requestsPerSecond: number }
export type Ladder = readonly Rung[]

/**
 * Close together where the knee is looked for. Eleven below half of it, for the fit that knows nothing of the rest: with
 * six, and 1.5 % of noise, one fit in eight is refused.
 */
const UP = [
  ...[0.06, 0.1, 0.14, 0.18, 0.22, 0.26, 0.3, 0.34, 0.38, 0.42, 0.46],
  ...[0.6, 0.72, 0.82, 0.88, 0.94, 1, 1.06, 1.13, 1.22, 1.45, 1.8],
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
