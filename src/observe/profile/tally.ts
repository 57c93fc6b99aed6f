// Samples and the time that they stand for, by stage and by what the stack says of the packet's way; they only grow.

import { STAGES } from '../../schema/stages.ts'
import type { Verdict } from './classify.ts'
import type { Drained } from './sampler.ts'

const CONTEXTS = 16
/** The context's four bits in a word begin here. */
const CONTEXT_SHIFT = 12
/** BOUNDED: unknown functions that are told apart; more of them share one place. */
const MOST_OTHERS = 256
export const MANY_OTHERS = 0

export type Tally = {
  samples: number
  /** Of processor time: wall time times processors. */
  ns: number
  userNs: number
  idleNs: number
  elsewhereNs: number
  lost: number
  programNs: number
  readNs: number
  /** By `cellOf`. */
  readonly cellNs: Float64Array
  readonly cellSamples: Float64Array
  /** Time in unknown functions, by an address in them. */
  readonly others: Map<number, number>
}

export const cellOf = (context: number, stage: number): number =>
  (context >> CONTEXT_SHIFT) * STAGES.length + stage
export const contextOfCell = (cell: number): number => Math.floor(cell / STAGES.length) << CONTEXT_SHIFT
export const stageOfCell = (cell: number): number => cell % STAGES.length

export const emptyTally = (): Tally => ({
  ...{ samples: 0, ns: 0, userNs: 0, idleNs: 0, elsewhereNs: 0, lost: 0, programNs: 0, readNs: 0 },
  cellNs: new Float64Array(CONTEXTS * STAGES.length),
  cellSamples: new Float64Array(CONTEXTS * STAGES.length),
  others: new Map(),
})

export const copyOf = (tally: Tally): Tally => ({
  ...tally,
  cellNs: tally.cellNs.slice(),
  cellSamples: tally.cellSamples.slice(),
  others: new Map(tally.others),
})

/** What came since an earlier copy. */
export function since(now: Tally, before: Tally): Tally {
  const less = (
    key: 'samples' | 'ns' | 'userNs' | 'idleNs' | 'elsewhereNs' | 'lost' | 'programNs' | 'readNs',
  ) => now[key] - before[key]
  return {
    samples: less('samples'),
    ns: less('ns'),
    userNs: less('userNs'),
    idleNs: less('idleNs'),
    elsewhereNs: less('elsewhereNs'),
    lost: less('lost'),
    programNs: less('programNs'),
    readNs: less('readNs'),
    cellNs: now.cellNs.map((ns, i) => ns - (before.cellNs[i] ?? 0)),
    cellSamples: now.cellSamples.map((n, i) => n - (before.cellSamples[i] ?? 0)),
    others: new Map(
      [...now.others].map(([address, ns]) => [address, ns - (before.others.get(address) ?? 0)]),
    ),
  }
}

/** Verdicts of one drain, until it is known what time a sample stands for. */
export class Batch {
  readonly #cells = new Float64Array(CONTEXTS * STAGES.length)
  readonly #others = new Map<number, number>()
  #idle = 0
  #elsewhere = 0

  /** @param unknownAddress in the function that nobody knows, for the stage other */
  add(verdict: Verdict, samples: number, unknownAddress: number): void {
    if (verdict.kind === 'packet') {
      const cell = cellOf(verdict.context, STAGES.indexOf(verdict.stage))
      this.#cells[cell] = (this.#cells[cell] ?? 0) + samples
      if (verdict.unknownFrame >= 0) addTo(this.#others, unknownAddress, samples)
    } else if (verdict.kind === 'idle') this.#idle += samples
    else this.#elsewhere += samples
  }

  /** Each sample stands for the same time; kernel stacks that found no room are taken to be as the others. */
  addTo(tally: Tally, drained: Drained, readNs: number): void {
    tally.ns += drained.ns
    tally.samples += drained.samples
    tally.lost += drained.lost
    tally.programNs += drained.programNs
    tally.readNs += readNs
    if (drained.samples <= 0) return
    const userNs = (drained.ns / drained.samples) * drained.user
    const kernel = this.#idle + this.#elsewhere + this.#cells.reduce((a, b) => a + b, 0)
    const sampleNs = kernel > 0 ? (drained.ns - userNs) / kernel : 0
    tally.userNs += userNs
    tally.idleNs += this.#idle * sampleNs
    tally.elsewhereNs += this.#elsewhere * sampleNs
    for (const [cell, samples] of this.#cells.entries()) {
      tally.cellNs[cell] = (tally.cellNs[cell] ?? 0) + samples * sampleNs
      tally.cellSamples[cell] = (tally.cellSamples[cell] ?? 0) + samples
    }
    for (const [address, samples] of this.#others) {
      const known = tally.others.has(address) || tally.others.size < MOST_OTHERS
      addTo(tally.others, known ? address : MANY_OTHERS, samples * sampleNs)
    }
  }
}

const addTo = (into: Map<number, number>, key: number, value: number): void => {
  into.set(key, (into.get(key) ?? 0) + value)
}
