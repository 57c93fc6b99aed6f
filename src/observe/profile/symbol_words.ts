// Kernel addresses → what the functions there are to the profile, and where they begin. Of the kernel's 60,000 functions
// the meaning is kept at those borders where it changes, some 100 KB, and of each the low half of its address, some 250 KB.
// BOUNDED by the kernel's functions.

import { ok, type Result } from '../../base/result.ts'
import { readKallsyms } from '../../kernel/kallsyms.ts'
import type { FunctionTable } from './function_table.ts'

const FIRST_ROOM = 1 << 16
const LOW_16 = 0x10000
const LOW_32 = 2 ** 32

/** Functions whose addresses differ in the low half only, in order; there are one or two such ranges. */
type FunctionRange = { readonly base: number; readonly lows: Uint32Array }

export class SymbolWords {
  readonly #starts: Float64Array
  readonly #words: Uint16Array
  readonly #functions: readonly FunctionRange[]

  constructor(starts: Float64Array, words: Uint16Array, functions: readonly FunctionRange[]) {
    this.#starts = starts
    this.#words = words
    this.#functions = functions
  }

  /** Of the function in which the address (`kernelAddress`) lies. */
  wordAt(address: number): number {
    const behind = firstAbove(this.#starts, address)
    return behind === 0 ? 0 : (this.#words[behind - 1] ?? 0)
  }

  /** Where the function begins in which the address lies; the address itself where none is before it. */
  functionAt(address: number): number {
    const range = this.#functions.findLast((r) => r.base + (r.lows[0] ?? 0) <= address)
    if (!range) return address
    return range.base + (range.lows[firstAbove(range.lows, address - range.base) - 1] ?? 0)
  }
}

function firstAbove(sorted: Float64Array | Uint32Array, value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] ?? 0) <= value) low = middle + 1
    else high = middle
  }
  return low
}

/** Some 100 ms of reading, in pieces between which other work has its turn. */
export async function readSymbolWords(table: FunctionTable, path?: string): Promise<Result<SymbolWords>> {
  const pairs = new SortedPairs()
  const read = await readKallsyms(
    (address, bytes, from, to) => pairs.add(address, table.wordAt(bytes, from, to)),
    path,
  )
  if (!read.ok) return read
  return ok(pairs.borders())
}

/** Address and word in 64 bits each, so that the machine sorts them as they lie. Addresses have 48 bits. */
class SortedPairs {
  #halves = new Uint32Array(FIRST_ROOM * 2)
  #count = 0

  add(address: number, word: number): void {
    if (this.#count * 2 === this.#halves.length) {
      const more = new Uint32Array(this.#halves.length * 2)
      more.set(this.#halves)
      this.#halves = more
    }
    this.#halves[this.#count * 2] = (address % LOW_16) * LOW_16 + word
    this.#halves[this.#count * 2 + 1] = Math.floor(address / LOW_16)
    this.#count++
  }

  borders(): SymbolWords {
    new BigUint64Array(this.#halves.buffer, 0, this.#count).sort()
    const starts: number[] = []
    const words: number[] = []
    for (let i = 0; i < this.#count; i++) {
      const address = this.#addressAt(i)
      const word = (this.#halves[i * 2] ?? 0) % LOW_16
      // Of several names for one function the one that says most is the last.
      if (starts.at(-1) === address) words[words.length - 1] = word
      else if (words.at(-1) !== word) {
        starts.push(address)
        words.push(word)
      }
    }
    return new SymbolWords(Float64Array.from(starts), Uint16Array.from(words), this.#functions())
  }

  #addressAt(i: number): number {
    return (this.#halves[i * 2 + 1] ?? 0) * LOW_16 + Math.floor((this.#halves[i * 2] ?? 0) / LOW_16)
  }

  /** Once sorted. */
  #functions(): FunctionRange[] {
    const ranges: FunctionRange[] = []
    for (let from = 0, to = 0; from < this.#count; from = to) {
      const base = Math.floor(this.#addressAt(from) / LOW_32) * LOW_32
      while (to < this.#count && this.#addressAt(to) < base + LOW_32) to++
      const lows = new Uint32Array(to - from)
      for (let i = from; i < to; i++) lows[i - from] = this.#addressAt(i) - base
      ranges.push({ base, lows })
    }
    return ranges
  }
}
