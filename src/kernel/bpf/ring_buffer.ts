// Reads a BPF ring buffer (Linux 5.8) on the event loop. The kernel writes records into shared memory and moves the
// producer's position; we read up to it and move ours (Documentation/bpf/ringbuf.rst).

import { readFileSync } from 'node:fs'
import { mmap, poll, READABLE } from '../addon.ts'
import { errnoName } from '../errno.ts'
import type { BpfMap } from './map.ts'

const AT_PAGESZ = 6n
const HEADER_BYTES = 8
const BUSY = 0x80000000
const DISCARDED = 0x40000000
const LENGTH = 0x3fffffff
const PROT_READ = 1
const PROT_READ_WRITE = 3
const MAP_SHARED = 1

export class RingBuffer {
  readonly #data: Buffer
  readonly #mask: number
  readonly #consumer: BigUint64Array
  readonly #producer: BigUint64Array
  readonly #receive: (record: Buffer) => void
  #stop: (() => void) | undefined

  /** Calls `receive` with each record; the bytes are valid until it returns. The map stays the caller's. */
  constructor(map: BpfMap, receive: (record: Buffer) => void) {
    const size = map.spec.maxEntries
    const page = pageBytes()
    this.#consumer = new BigUint64Array(mapped(map, page, PROT_READ_WRITE, 0), 0, 1)
    // The data stands there twice in a row, so that no record is torn at the end.
    const shared = mapped(map, page + 2 * size, PROT_READ, page)
    this.#producer = new BigUint64Array(shared, 0, 1)
    this.#data = Buffer.from(shared, page)
    this.#mask = size - 1
    this.#receive = receive
    this.#stop = poll(map.fd, READABLE, () => this.drain())
  }

  /** Reads what is there now; how many records. */
  drain(): number {
    let position = Number(Atomics.load(this.#consumer, 0))
    const end = Number(Atomics.load(this.#producer, 0))
    let records = 0
    while (position < end) {
      const at = position % (this.#mask + 1)
      const header = this.#data.readUInt32LE(at)
      // Reserved and not yet written: it and all after it wait for the next wake-up.
      if (header & BUSY) break
      const length = header & LENGTH
      if (!(header & DISCARDED)) {
        this.#receive(this.#data.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length))
        records++
      }
      position += HEADER_BYTES + ((length + 7) & ~7)
      Atomics.store(this.#consumer, 0, BigInt(position))
    }
    return records
  }

  close(): void {
    this.#stop?.()
    this.#stop = undefined
  }
}

/** From the kernel's auxiliary vector (getauxval(3)): 64 KB on some arm64 kernels. */
function pageBytes(): number {
  const vector = readFileSync('/proc/self/auxv')
  for (let at = 0; at + 16 <= vector.length; at += 16)
    if (vector.readBigUInt64LE(at) === AT_PAGESZ) return Number(vector.readBigUInt64LE(at + 8))
  throw new Error('/proc/self/auxv has no page size')
}

function mapped(map: BpfMap, length: number, protection: number, offset: number): ArrayBuffer {
  const memory = mmap(map.fd, length, protection, MAP_SHARED, offset)
  if (typeof memory === 'number')
    throw new Error(`mmap of ring buffer ${map.spec.name}: ${errnoName(-memory)}`)
  return memory
}
