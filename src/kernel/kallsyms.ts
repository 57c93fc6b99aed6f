// The kernel's functions by address (/proc/kallsyms): five megabytes of text, so it is read from end to end when it is
// needed, piece by piece, and nothing of it stays but what the reader keeps. Modules and BPF programs are in it.
// Bytes are looked at where they lie: a string for each of 120,000 lines would cost the process tens of megabytes.

import { closeSync, openSync, readSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { fault, ok, type Result } from '../base/result.ts'

const PATH = '/proc/kallsyms'
const PIECE_BYTES = 64 << 10
/** Kernel addresses on x86-64 and arm64 are above this, and their distances from it exact as numbers. */
const BASE_HIGH = 0xffff0000
const HIGH = 2 ** 32
/** `ffffffff81000000 T name`, and for a module's `\t[module]`. */
const KIND_AT = 17
const NAME_AT = 19
const [NEWLINE, TAB, DIGIT, LETTER] = [0x0a, 0x09, 0x30, 0x61]
const FUNCTIONS: readonly number[] = [...Buffer.from('tTwW')]
/** Room before functions, where nothing runs. */
const PADDING = Buffer.from('__pfx_')

/** A kernel address as a number: its distance from 0xffff000000000000. */
export const kernelAddress = (low: number, high: number): number => (high - BASE_HIGH) * HIGH + low

/** The name is `bytes[from..to]`; the buffer is used again. */
export type SymbolSink = (address: number, bytes: Buffer, from: number, to: number) => void

/**
 * Every function, neither sorted nor unique: `_text` and the function behind it have one address. Other work has its
 * turn in between. A fault where addresses are hidden.
 */
export async function readKallsyms(see: SymbolSink, path: string = PATH): Promise<Result<void>> {
  let seen = 0
  try {
    await eachLine(path, (bytes, from, to) => {
      if (to - from <= NAME_AT || !FUNCTIONS.includes(bytes[from + KIND_AT] ?? 0)) return
      const name = from + NAME_AT
      const address = kernelAddress(hex(bytes, from + 8), hex(bytes, from))
      if (address < 0 || bytes.compare(PADDING, 0, PADDING.length, name, name + PADDING.length) === 0) return
      const tab = bytes.indexOf(TAB, name)
      seen++
      see(address, bytes, name, tab >= 0 && tab < to ? tab : to)
    })
  } catch (error) {
    return fault('kallsyms', path, 'to be read', String(error), 'see that /proc is mounted')
  }
  if (seen > 0) return ok(undefined)
  const next = 'see kernel.kptr_restrict and CAP_SYSLOG'
  return fault('kallsyms', path, 'the kernel’s functions with their addresses', 'none', next)
}

/** Eight digits. */
function hex(bytes: Buffer, at: number): number {
  let value = 0
  for (let i = at; i < at + 8; i++) {
    const digit = bytes[i] ?? 0
    value = value * 16 + (digit >= LETTER ? digit - LETTER + 10 : digit - DIGIT)
  }
  return value
}

async function eachLine(path: string, see: (bytes: Buffer, from: number, to: number) => void): Promise<void> {
  const fd = openSync(path, 'r')
  try {
    const piece = Buffer.alloc(PIECE_BYTES)
    for (let filled = 0; ; ) {
      // The kernel gives at most a page at a time.
      const read = readSync(fd, piece, filled, PIECE_BYTES - filled, null)
      filled += read
      if (read > 0 && filled < PIECE_BYTES) continue
      let from = 0
      for (let to = piece.indexOf(NEWLINE); to >= 0 && to < filled; to = piece.indexOf(NEWLINE, from)) {
        see(piece, from, to)
        from = to + 1
      }
      if (read === 0) return
      piece.copyWithin(0, from, filled)
      filled -= from
      await nextTurn()
    }
  } finally {
    closeSync(fd)
  }
}

/** The functions in which the addresses lie, in the same order; the addresses themselves where none is before. */
export async function functionNames(
  addresses: readonly number[],
  path: string = PATH,
): Promise<Result<string[]>> {
  const order = [...addresses.keys()].sort((a, b) => (addresses[a] ?? 0) - (addresses[b] ?? 0))
  const sorted = Float64Array.from(order, (i) => addresses[i] ?? 0)
  const starts = new Float64Array(sorted.length).fill(-1)
  const names = addresses.map((a) => `0x${a.toString(16)}`)
  const read = await readKallsyms((address, bytes, from, to) => {
    // All that are not below it and have no nearer function yet.
    for (let i = firstFrom(sorted, address); i < sorted.length && (starts[i] ?? 0) < address; i++) {
      starts[i] = address
      names[order[i] ?? 0] = bytes.toString('latin1', from, to)
    }
  }, path)
  return read.ok ? ok(names) : read
}

function firstFrom(sorted: Float64Array, value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] ?? 0) < value) low = middle + 1
    else high = middle
  }
  return low
}
