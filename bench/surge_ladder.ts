// The loads of a run: up to well beyond saturation and down again, in parts of what a path roughly carries. PURE.

import type { Direction } from './surge_steps.ts'

export type Rung = { readonly direction: Direction; readonly requestsPerSecond: number }
export type Ladder = readonly Rung[]

/** Close together where the knee is looked for; enough below half of it for a fit that knows nothing of the rest. */
const UP = [
  ...[0.08, 0.15, 0.22, 0.29, 0.36, 0.43, 0.49, 0.6, 0.7, 0.8],
  ...[0.87, 0.93, 1, 1.06, 1.13, 1.2, 1.3, 1.5, 1.8],
]
const DOWN = [1.4, 1.2, 1.06, 1, 0.93, 0.87, 0.8, 0.5, 0.22]
const SHORT_UP = [0.12, 0.2, 0.28, 0.36, 0.44, 0.7, 0.9, 1.05, 1.25, 1.7]
const SHORT_DOWN = [1.05, 0.7, 0.36]

/** @param rough what the path about carries, in requests a second */
export function ladderTo(rough: number, short: boolean): Ladder {
  const rungs = (direction: Direction, parts: readonly number[]): Ladder =>
    parts.map((part) => ({ direction, requestsPerSecond: Math.round(part * rough) }))
  return [...rungs('up', short ? SHORT_UP : UP), ...rungs('down', short ? SHORT_DOWN : DOWN)]
}
