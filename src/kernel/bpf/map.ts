// A BPF map by its descriptor. Keys and values are raw bytes of the map's sizes; a wrong length is a bug and throws,
// because the kernel would read past the end.

import { ok, type Result } from '../../base/result.ts'
import { ENOENT, errnoName } from '../errno.ts'
import { arrayValues, mapEntries, updateBatch } from './batch.ts'
import { Attr, BPF, bpf, bpfFault, closeFd, fieldText, objectInfo } from './command.ts'
import { perCpuStride, possibleCpus } from './cpus.ts'
import { openPinned, pinObject } from './pin.ts'

/** enum bpf_map_type; each with the kernel that brought it, where it matters. */
export const MAP = {
  HASH: 1,
  ARRAY: 2,
  PROG_ARRAY: 3,
  PERCPU_HASH: 5,
  PERCPU_ARRAY: 6,
  LRU_HASH: 9,
  LRU_PERCPU_HASH: 10,
  LPM_TRIE: 11,
  SOCKMAP: 15,
  SOCKHASH: 18,
  RINGBUF: 27,
} as const // prettier-ignore
export const MAP_FLAG = { NO_PREALLOC: 1, RDONLY_PROG: 1 << 7, MMAPABLE: 1 << 10 } as const
/** Flags of an update. */
export const UPDATE = { ANY: 0, NOEXIST: 1, EXIST: 2 } as const

const PER_CPU: readonly number[] = [MAP.PERCPU_HASH, MAP.PERCPU_ARRAY, MAP.LRU_PERCPU_HASH, 21]

export type MapSpec = {
  readonly name: string
  /** One of MAP. */
  readonly type: number
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  readonly flags: number
}

/** The types of key and value, which let `bpftool` print entries. */
export type MapTypes = { readonly btfFd: number; readonly keyType: number; readonly valueType: number }

export class BpfMap {
  readonly fd: number
  readonly spec: MapSpec
  /** Bytes of a value as the kernel exchanges it: for all CPUs in a per-CPU map. */
  readonly valueBytes: number

  constructor(fd: number, spec: MapSpec) {
    this.fd = fd
    this.spec = spec
    this.valueBytes = PER_CPU.includes(spec.type)
      ? perCpuStride(spec.valueSize) * possibleCpus()
      : spec.valueSize
  }

  lookup(key: Buffer): Buffer | undefined {
    const value = Buffer.alloc(this.valueBytes)
    const done = bpf(BPF.MAP_LOOKUP_ELEM, this.#element(key).pointer(16, value))
    if (done === -ENOENT) return undefined
    if (done < 0) throw new Error(`lookup in map ${this.spec.name}: ${errnoName(-done)}`)
    return value
  }

  /** A fault for a full map, or for an entry that UPDATE.NOEXIST or EXIST forbids. */
  update(key: Buffer, value: Buffer, flags: number = UPDATE.ANY): Result<void> {
    this.#check('value', value, this.valueBytes)
    const attr = this.#element(key).pointer(16, value).u64(24, BigInt(flags))
    const done = bpf(BPF.MAP_UPDATE_ELEM, attr)
    if (done === 0) return ok(undefined)
    return bpfFault(`map ${this.spec.name}`, 'one entry written', -done, 'see that the map is large enough')
  }

  /** Whether there was such an entry. */
  delete(key: Buffer): boolean {
    const done = bpf(BPF.MAP_DELETE_ELEM, this.#element(key))
    if (done < 0 && done !== -ENOENT) throw new Error(`delete in map ${this.spec.name}: ${errnoName(-done)}`)
    return done === 0
  }

  /** All entries; the ones that come or go meanwhile may be missing or twice. */
  entries(): Generator<readonly [key: Buffer, value: Buffer]> {
    return mapEntries(this)
  }

  /**
   * What `read` makes of each of an array's first `count` values, in as few calls as the kernel allows.
   * @param read gets a buffer in which other values stand too, and where this one begins and ends
   */
  readArray<T>(count: number, read: (bytes: Buffer, from: number, to: number) => T): readonly T[] {
    const out: T[] = []
    const size = this.valueBytes
    for (const { entries, bytes } of arrayValues(this, count))
      for (let at = 0; at < entries * size; at += size) out.push(read(bytes, at, at + size))
    return out
  }

  /** Writes all, in as few calls as the kernel allows. After a fault some are written and some are not. */
  updateBatch(entries: readonly (readonly [key: Buffer, value: Buffer])[]): Result<void> {
    for (const [key, value] of entries) {
      this.#check('key', key, this.spec.keySize)
      this.#check('value', value, this.valueBytes)
    }
    return updateBatch(this, entries)
  }

  /** No write by bpf(2) from now on: the verifier may take the values of a map of constants for granted. */
  freeze(): Result<void> {
    const done = bpf(BPF.MAP_FREEZE, new Attr(8).u32(0, this.fd))
    return done === 0 ? ok(undefined) : bpfFault(`map ${this.spec.name}`, 'frozen', -done, 'a bug: report it')
  }

  id(): number {
    const info = Buffer.alloc(MAP_INFO_BYTES)
    objectInfo(this.fd, info)
    return info.readUInt32LE(4)
  }

  pin(path: string): Result<void> {
    return pinObject(this.fd, path)
  }

  close(): void {
    closeFd(this.fd)
  }

  #element(key: Buffer): Attr {
    this.#check('key', key, this.spec.keySize)
    return new Attr(32).u32(0, this.fd).pointer(8, key)
  }

  #check(what: string, bytes: Buffer, size: number): void {
    if (bytes.length !== size)
      throw new Error(`map ${this.spec.name}: a ${what} has ${size} bytes, not ${bytes.length}`)
  }
}

const MAP_INFO_BYTES = 88

/** A new map. Types are given where the kernel takes them for this kind of map, and left out where it does not. */
export function createMap(spec: MapSpec, types?: MapTypes): Result<BpfMap> {
  const attr = new Attr(72)
    .u32(0, spec.type)
    .u32(4, spec.keySize)
    .u32(8, spec.valueSize)
    .u32(12, spec.maxEntries)
    .u32(16, spec.flags)
    .text(28, 16, spec.name.replaceAll(/[^\w.]/g, '_'))
  let fd = -1
  if (types) {
    attr.u32(48, types.btfFd).u32(52, types.keyType).u32(56, types.valueType)
    fd = bpf(BPF.MAP_CREATE, attr)
    if (fd < 0) attr.u32(48, 0).u32(52, 0).u32(56, 0)
  }
  if (fd < 0) fd = bpf(BPF.MAP_CREATE, attr)
  if (fd >= 0) return ok(new BpfMap(fd, spec))
  const wanted = `a map of type ${spec.type}, ${spec.maxEntries} × (${spec.keySize} + ${spec.valueSize}) bytes`
  return bpfFault(
    `map ${spec.name}`,
    wanted,
    -fd,
    'see that the kernel knows this map type and has the memory',
  )
}

/** The map behind a descriptor, which then belongs to it. */
export function mapOfFd(fd: number): BpfMap {
  const info = Buffer.alloc(MAP_INFO_BYTES)
  const done = objectInfo(fd, info)
  if (done < 0) throw new Error(`map of fd ${fd}: ${errnoName(-done)}`)
  return new BpfMap(fd, {
    name: fieldText(info.subarray(24, 40)),
    type: info.readUInt32LE(0),
    keySize: info.readUInt32LE(8),
    valueSize: info.readUInt32LE(12),
    maxEntries: info.readUInt32LE(16),
    flags: info.readUInt32LE(20),
  })
}

/** Undefined if nothing is pinned there. */
export function openPinnedMap(path: string): Result<BpfMap | undefined> {
  const fd = openPinned('map', path)
  if (!fd.ok) return fd
  return ok(fd.value === undefined ? undefined : mapOfFd(fd.value))
}

/** What differs between a map and what a program expects of it; undefined if it can serve. */
export function specDifference(is: MapSpec, wanted: MapSpec): string | undefined {
  for (const field of ['type', 'keySize', 'valueSize', 'maxEntries', 'flags'] as const)
    if (is[field] !== wanted[field]) return `${field} ${is[field]} instead of ${wanted[field]}`
  return undefined
}
