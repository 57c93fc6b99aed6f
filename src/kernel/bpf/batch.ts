// Many entries of a map in one system call (Linux 5.6; LPM tries and per-CPU arrays later), and one by one where the
// kernel cannot.

import { ok, type Result } from '../../base/result.ts'
import { EINVAL, ENOENT, ENOSPC, errnoName } from '../errno.ts'
import { Attr, BPF, bpf, bpfFault, ENOTSUPP } from './command.ts'
import type { BpfMap } from './map.ts'

const CHUNK_ENTRIES = 1024
const CHUNK_BYTES = 1 << 20

export type MapEntry = readonly [key: Buffer, value: Buffer]

const unsupported = (errno: number): boolean => errno === EINVAL || errno === ENOTSUPP

const chunkOf = (map: BpfMap): number =>
  Math.max(1, Math.min(CHUNK_ENTRIES, Math.floor(CHUNK_BYTES / (map.spec.keySize + map.valueBytes))))

export function* mapEntries(map: BpfMap): Generator<MapEntry> {
  let chunk = chunkOf(map)
  // Opaque to us: a bucket number, or a key.
  let position: Buffer | undefined
  for (;;) {
    const next = Buffer.alloc(Math.max(8, map.spec.keySize))
    const keys = Buffer.alloc(chunk * map.spec.keySize)
    const values = Buffer.alloc(chunk * map.valueBytes)
    const attr = batchAttr(map, keys, values, chunk).pointer(0, position).pointer(8, next)
    const done = bpf(BPF.MAP_LOOKUP_BATCH, attr)
    if (done === -ENOSPC) {
      // One hash bucket holds more than a chunk.
      chunk *= 2
      continue
    }
    if (unsupported(-done) && !position) {
      yield* oneByOne(map)
      return
    }
    if (done < 0 && done !== -ENOENT) throw new Error(`entries of map ${map.spec.name}: ${errnoName(-done)}`)
    const count = attr.read32(32)
    for (let i = 0; i < count; i++) yield [slot(keys, map.spec.keySize, i), slot(values, map.valueBytes, i)]
    if (done === -ENOENT) return
    position = next
  }
}

/**
 * The values of an array's first `count` entries, one buffer after the other. A buffer for each entry would cost more
 * than all of them. Without a way around: what calls it needs more than the Linux 5.13 that brought per-CPU arrays.
 */
export function* arrayValues(
  map: BpfMap,
  count: number,
): Generator<{ readonly entries: number; readonly bytes: Buffer }> {
  const chunk = chunkOf(map)
  let position: Buffer | undefined
  for (let first = 0; first < count; ) {
    const most = Math.min(chunk, count - first)
    const [keys, bytes] = [Buffer.alloc(most * 4), Buffer.alloc(most * map.valueBytes)]
    const next = Buffer.alloc(8)
    const attr = batchAttr(map, keys, bytes, most).pointer(0, position).pointer(8, next)
    const done = bpf(BPF.MAP_LOOKUP_BATCH, attr)
    if (done < 0 && done !== -ENOENT) throw new Error(`values of map ${map.spec.name}: ${errnoName(-done)}`)
    const entries = attr.read32(32)
    yield { entries, bytes }
    if (done === -ENOENT) return
    first += entries
    position = next
  }
}

/**
 * Takes all entries out of a hash map, `chunk` of them a call (Linux 5.6); those that come meanwhile may stay. The
 * buffers are used again: what `take` keeps it must copy.
 */
export function takeEntries(
  map: BpfMap,
  chunk: number,
  take: (key: Buffer, value: Buffer) => void,
): Result<void> {
  const keys = Buffer.alloc(chunk * map.spec.keySize)
  const values = Buffer.alloc(chunk * map.valueBytes)
  const next = Buffer.alloc(Math.max(8, map.spec.keySize))
  for (let position: Buffer | undefined; ; position = next) {
    const attr = batchAttr(map, keys, values, chunk).pointer(0, position).pointer(8, next)
    const done = bpf(BPF.MAP_LOOKUP_AND_DELETE_BATCH, attr)
    if (done === -ENOSPC) return takeEntries(map, chunk * 2, take)
    if (done < 0 && done !== -ENOENT)
      return bpfFault(`map ${map.spec.name}`, 'its entries taken out', -done, 'this needs Linux 5.6')
    const count = attr.read32(32)
    for (let i = 0; i < count; i++) take(slot(keys, map.spec.keySize, i), slot(values, map.valueBytes, i))
    if (done === -ENOENT) return ok(undefined)
  }
}

const slot = (bytes: Buffer, size: number, i: number): Buffer => bytes.subarray(i * size, (i + 1) * size)

const batchAttr = (map: BpfMap, keys: Buffer, values: Buffer, count: number): Attr =>
  new Attr(56).pointer(16, keys).pointer(24, values).u32(32, count).u32(36, map.fd)

function* oneByOne(map: BpfMap): Generator<MapEntry> {
  let key: Buffer | undefined
  for (;;) {
    const next = Buffer.alloc(map.spec.keySize)
    const done = bpf(BPF.MAP_GET_NEXT_KEY, new Attr(32).u32(0, map.fd).pointer(8, key).pointer(16, next))
    if (done === -ENOENT) return
    if (done < 0) throw new Error(`keys of map ${map.spec.name}: ${errnoName(-done)}`)
    const value = map.lookup(next)
    if (value) yield [next, value]
    key = next
  }
}

export function updateBatch(map: BpfMap, entries: readonly MapEntry[]): Result<void> {
  const chunk = chunkOf(map)
  for (let from = 0; from < entries.length; from += chunk) {
    const part = entries.slice(from, from + chunk)
    const keys = Buffer.concat(part.map(([key]) => key))
    const values = Buffer.concat(part.map(([, value]) => value))
    const done = bpf(BPF.MAP_UPDATE_BATCH, batchAttr(map, keys, values, part.length))
    if (unsupported(-done)) return updateOneByOne(map, entries.slice(from))
    if (done < 0)
      return bpfFault(
        `map ${map.spec.name}`,
        `${entries.length} entries written`,
        -done,
        'see that the map is large enough',
      )
  }
  return ok(undefined)
}

function updateOneByOne(map: BpfMap, entries: readonly MapEntry[]): Result<void> {
  for (const [key, value] of entries) {
    const done = map.update(key, value)
    if (!done.ok) return done
  }
  return ok(undefined)
}
