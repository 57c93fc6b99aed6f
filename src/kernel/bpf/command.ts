// bpf(2): one command with its attribute block (union bpf_attr, linux/bpf.h). Offsets stand where a command is used.
// A failure is −errno; what it means only the caller knows.

import type { Err } from '../../base/result.ts'
import { fault } from '../../base/result.ts'
import { ptr } from '../addon.ts'
import { errnoName } from '../errno.ts'
import { call } from '../syscalls.ts'

export const BPF = {
  MAP_CREATE: 0,
  MAP_LOOKUP_ELEM: 1,
  MAP_UPDATE_ELEM: 2,
  MAP_DELETE_ELEM: 3,
  MAP_GET_NEXT_KEY: 4,
  PROG_LOAD: 5,
  OBJ_PIN: 6,
  OBJ_GET: 7,
  PROG_ATTACH: 8,
  PROG_TEST_RUN: 10,
  PROG_GET_NEXT_ID: 11,
  PROG_GET_FD_BY_ID: 13,
  OBJ_GET_INFO_BY_FD: 15,
  PROG_QUERY: 16,
  BTF_LOAD: 18,
  BTF_GET_FD_BY_ID: 19,
  MAP_FREEZE: 22,
  BTF_GET_NEXT_ID: 23,
  MAP_LOOKUP_BATCH: 24,
  MAP_LOOKUP_AND_DELETE_BATCH: 25,
  MAP_UPDATE_BATCH: 26,
  LINK_CREATE: 28,
  LINK_UPDATE: 29,
  ENABLE_STATS: 32,
  LINK_DETACH: 34,
} as const // prettier-ignore
export type BpfCommand = (typeof BPF)[keyof typeof BPF]

/** The kernel's own errno for «this map or program cannot do that»; libc has no name for it. */
export const ENOTSUPP = 524

/** A zeroed attribute block. Buffers that it points to stay referenced by it. */
export class Attr {
  readonly bytes: Buffer
  readonly held: Buffer[] = []

  constructor(size: number) {
    this.bytes = Buffer.alloc(size)
  }

  u32(at: number, value: number): this {
    this.bytes.writeUInt32LE(value, at)
    return this
  }

  u64(at: number, value: bigint): this {
    this.bytes.writeBigUInt64LE(value, at)
    return this
  }

  /** Nothing stays a null pointer. */
  pointer(at: number, target: Buffer | undefined): this {
    if (!target || target.length === 0) return this
    this.held.push(target)
    return this.u64(at, ptr(target))
  }

  /** A fixed field of `size` bytes, cut so that a final zero remains. */
  text(at: number, size: number, text: string): this {
    this.bytes.write(text.slice(0, size - 1), at, 'latin1')
    return this
  }

  read32(at: number): number {
    return this.bytes.readUInt32LE(at)
  }
}

/** A value or descriptor, or −errno. The buffers pointed to ride along as unused arguments: none is collected meanwhile. */
export const bpf = (command: BpfCommand, attr: Attr): number =>
  call('bpf', command, attr.bytes, attr.bytes.length, ...attr.held)

export const closeFd = (fd: number): void => {
  call('close', fd)
}

export const cString = (text: string): Buffer => Buffer.from(`${text}\0`)

/** A text field that ends at its first zero. */
export function fieldText(bytes: Buffer): string {
  const end = bytes.indexOf(0)
  return bytes.toString('latin1', 0, end < 0 ? bytes.length : end)
}

export const bpfFault = (object: string, wanted: string, errno: number, next: string): Err =>
  fault('bpf', object, wanted, errnoName(errno), next)

/** The object's info block (struct bpf_{map,prog,link,btf}_info), as much of it as this kernel knows; or −errno. */
export function objectInfo(fd: number, info: Buffer): number {
  const attr = new Attr(16).u32(0, fd).u32(4, info.length).pointer(8, info)
  return bpf(BPF.OBJ_GET_INFO_BY_FD, attr)
}
