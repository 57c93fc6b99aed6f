// Samples and the time that they stand for, by stage and by what the stack says of the packet's way; they only grow.

import { STAGES } from '../../schema/stages.ts'
import type { Verdict } from './classify.ts'
import type { Drained } from './sampler.ts'

const CONTEXTS = 16
/** The context's four bits in a word begin here. */
const CONTEXT_SHIFT = 12
/** BOUNDED: unknown functions that are told apart, those that were met last. */
const MOST_OTHERS = 256
export const MANY_OTHERS = 0
const OTHER = STAGES.indexOf('other')

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
  /** Sums of the squares of what each sample stands for: samples of different rates are not equally sure. */
  readonly cellSquares: Float64Array
  /** Time in unknown functions, by where they begin; in the order in which they were met last. */
  readonly others: Map<number, number>
}

export const cellOf = (context: number, stage: number): number =>
  (context >> CONTEXT_SHIFT) * STAGES.length + stage
export const contextOfCell = (cell: number): number => Math.floor(cell / STAGES.length) << CONTEXT_SHIFT
export const stageOfCell = (cell: number): number => cell % STAGES.length

export const emptyTally = (): Tally => ({
  ...{ samples: 0, ns: 0, userNs: 0, idleNs: 0, elsewhereNs: 0, lost: 0, programNs: 0, readNs: 0 },
  cellNs: new Float64Array(CONTEXTS * STAGES.length),
  cellSquares: new Float64Array(CONTEXTS * STAGES.length),
  others: new Map(),
})

export const copyOf = (tally: Tally): Tally => ({
  ...tally,
  cellNs: tally.cellNs.slice(),
  cellSquares: tally.cellSquares.slice(),
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
    cellSquares: now.cellSquares.map((n, i) => n - (before.cellSquares[i] ?? 0)),
    others: othersSince(now, before),
  }
}

/** What functions had that are not told apart any more is MANY_OTHERS'. */
function othersSince(now: Tally, before: Tally): Map<number, number> {
  const others = new Map<number, number>()
  let rest = otherNs(now) - otherNs(before)
  for (const [address, ns] of now.others) {
    // One that has less was forgotten, and met again.
    const then = before.others.get(address) ?? 0
    const grown = ns >= then ? ns - then : ns
    if (grown > 0) others.set(address, grown)
    rest -= grown
  }
  // Less than a nanosecond is rounding.
  if (rest >= 1) others.set(MANY_OTHERS, rest)
  return others
}

const otherNs = ({ cellNs }: Tally): number =>
  cellNs.reduce((sum, ns, cell) => (stageOfCell(cell) === OTHER ? sum + ns : sum), 0)

/** Verdicts of one drain, until it is known what time a sample stands for. */
export class Batch {
  readonly #cells = new Float64Array(CONTEXTS * STAGES.length)
  readonly #others = new Map<number, number>()
  #idle = 0
  #elsewhere = 0

  /** @param unknownFunction where the function begins that nobody knows, for the stage other */
  add(verdict: Verdict, samples: number, unknownFunction: number): void {
    if (verdict.kind === 'packet') {
      const cell = cellOf(verdict.context, STAGES.indexOf(verdict.stage))
      this.#cells[cell] = (this.#cells[cell] ?? 0) + samples
      if (verdict.unknownFrame >= 0) addTo(this.#others, unknownFunction, samples)
    } else if (verdict.kind === 'idle') this.#idle += samples
    else this.#elsewhere += samples
  }

  /**
   * Each sample stands for the clock's period, not for its part of the time that has passed: an idle processor is not
   * sampled at every tick. Kernel stacks that found no room are taken to be as the others.
   */
  addTo(tally: Tally, drained: Drained, readNs: number): void {
    const packets = this.#cells.reduce((a, b) => a + b, 0)
    const kernel = this.#idle + this.#elsewhere + packets
    const sampleNs = drained.sampleNs * (kernel > 0 ? (kernel + drained.lost) / kernel : 1)
    const userNs = drained.sampleNs * drained.user
    tally.ns += drained.ns
    tally.samples += drained.samples
    tally.lost += drained.lost
    tally.programNs += drained.programNs
    tally.readNs += readNs
    tally.userNs += userNs
    tally.elsewhereNs += this.#elsewhere * sampleNs
    tally.idleNs += Math.max(0, drained.ns - userNs - (this.#elsewhere + packets) * sampleNs)
    for (const [cell, samples] of this.#cells.entries()) {
      tally.cellNs[cell] = (tally.cellNs[cell] ?? 0) + samples * sampleNs
      tally.cellSquares[cell] = (tally.cellSquares[cell] ?? 0) + samples * sampleNs ** 2
    }
    for (const [address, samples] of this.#others) meet(tally.others, address, samples * sampleNs)
  }
}

/** Makes room by what was met longest ago: the smallest is often the newest, and would go before it could grow. */
function meet(others: Map<number, number>, address: number, ns: number): void {
  const before = others.get(address) ?? 0
  others.delete(address)
  const [oldest] = others.keys()
  if (others.size >= MOST_OTHERS && oldest !== undefined) others.delete(oldest)
  others.set(address, before + ns)
}

const addTo = (into: Map<number, number>, key: number, value: number): void => {
  into.set(key, (into.get(key) ?? 0) + value)
}
