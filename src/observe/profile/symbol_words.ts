// Kernel addresses → what the functions there are to the profile. Of the kernel's 60,000 functions only those borders
// are kept at which that changes: some 100 KB. BOUNDED by the kernel's functions.

import { ok, type Result } from '../../base/result.ts'
import { readKallsyms } from '../../kernel/kallsyms.ts'
import type { FunctionTable } from './function_table.ts'

const FIRST_ROOM = 1 << 16
const LOW_16 = 0x10000

export class SymbolWords {
  readonly #starts: Float64Array
  readonly #words: Uint16Array

  constructor(starts: Float64Array, words: Uint16Array) {
    this.#starts = starts
    this.#words = words
  }

  /** Of the function in which the address (`kernelAddress`) lies. */
  wordAt(address: number): number {
    let low = 0
    let high = this.#starts.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#starts[middle] ?? 0) <= address) low = middle + 1
      else high = middle
    }
    return low === 0 ? 0 : (this.#words[low - 1] ?? 0)
  }
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
      const low = this.#halves[i * 2] ?? 0
      const address = (this.#halves[i * 2 + 1] ?? 0) * LOW_16 + Math.floor(low / LOW_16)
      const word = low % LOW_16
      // Of several names for one function the one that says most is the last.
      if (starts.at(-1) === address) words[words.length - 1] = word
      else if (words.at(-1) !== word) {
        starts.push(address)
        words.push(word)
      }
    }
    return new SymbolWords(Float64Array.from(starts), Uint16Array.from(words))
  }
}
