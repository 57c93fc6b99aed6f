// What a kernel stack was doing. The innermost function that belongs to a stage decides; library functions inside it
// (locks, memory, wakeups) are its caller's time. Pure.

import { STAGES, type Stage } from '../../schema/stages.ts'
import { CLASS, CLASS_BITS, CONTEXT_BITS, DRIVERS_BELOW, QUESTION, stageClass } from './function_table.ts'

export type Verdict =
  | { readonly kind: 'idle' | 'elsewhere' }
  | {
      readonly kind: 'packet'
      readonly stage: Stage
      /** Bits of CONTEXT. */
      readonly context: number
      /** For the stage other: which frame nobody knows. */
      readonly unknownFrame: number
    }

const IDLE: Verdict = { kind: 'idle' }
const ELSEWHERE: Verdict = { kind: 'elsewhere' }
const SOFTIRQ = stageClass('softirq')

/** @param wordAt what the function of a frame is (FunctionTable), innermost first */
export function classify(wordAt: (frame: number) => number, frames: number): Verdict {
  let unknown = -1
  for (let i = 0; i < frames; i++) {
    const word = wordAt(i)
    const kind = word & CLASS_BITS
    if (kind === CLASS.UNKNOWN && (word & QUESTION) === 0) {
      if (unknown < 0) unknown = i
    } else if (kind >= CLASS.STAGE) {
      const around = surroundings(wordAt, i, frames)
      if (around.isQuestion) return ELSEWHERE
      return { kind: 'packet', ...stageOf(word, unknown), context: around.context }
    } else if (kind === CLASS.IDLE) return unknown < 0 ? IDLE : ELSEWHERE
    else if (kind !== CLASS.LIBRARY) return ELSEWHERE
  }
  return ELSEWHERE
}

function stageOf(word: number, unknown: number): { stage: Stage; unknownFrame: number } {
  const stage = STAGES[(word & CLASS_BITS) - CLASS.STAGE] ?? 'other'
  if (unknown < 0) return { stage, unknownFrame: -1 }
  if ((word & DRIVERS_BELOW) !== 0) return { stage: 'driver', unknownFrame: -1 }
  return { stage: 'other', unknownFrame: unknown }
}

/**
 * Which way the packet goes, and for whom. What was interrupted is about another packet or none: the look ends where
 * softirqs begin.
 */
function surroundings(wordAt: (frame: number) => number, from: number, frames: number) {
  let flags = 0
  for (let i = 0; i < frames; i++) {
    const word = wordAt(i)
    if (i > from && (word & CLASS_BITS) === SOFTIRQ && (word & DRIVERS_BELOW) === 0) break
    flags |= word
  }
  return { isQuestion: (flags & QUESTION) !== 0, context: flags & CONTEXT_BITS }
}
