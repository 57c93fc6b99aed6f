// What the kernel knows of a loaded program, and what its runs cost while statistics are on.

import { ok, type Result } from '../../base/result.ts'
import { errnoName } from '../errno.ts'
import { Attr, BPF, bpf, bpfFault, fieldText, objectInfo } from './command.ts'

const INFO_BYTES = 232
const MOST_MAPS = 64
const STATS_RUN_TIME = 0

export type ProgramInfo = {
  readonly id: number
  /** At most 15 letters. */
  readonly name: string
  /** A hash of the instructions, the same wherever they are the same. */
  readonly tag: string
  /** Machine code; 0 if the kernel interprets. */
  readonly jitedBytes: number
  readonly translatedBytes: number
  /** Instructions that the verifier walked, all paths together (Linux 5.16): its limit is a million. */
  readonly verifiedInstructions: number
  readonly mapIds: readonly number[]
  /** Both 0 unless statistics are or were on. */
  readonly runTimeNs: bigint
  readonly runCount: bigint
}

export function programInfo(fd: number): ProgramInfo {
  const maps = Buffer.alloc(MOST_MAPS * 4)
  const attr = new Attr(INFO_BYTES).u32(52, MOST_MAPS).pointer(56, maps)
  const info = attr.bytes
  const done = objectInfo(fd, info)
  if (done < 0) throw new Error(`info of a program: ${errnoName(-done)}`)
  return {
    id: info.readUInt32LE(4),
    name: fieldText(info.subarray(64, 80)),
    tag: info.toString('hex', 8, 16),
    jitedBytes: info.readUInt32LE(16),
    translatedBytes: info.readUInt32LE(20),
    verifiedInstructions: info.readUInt32LE(216),
    mapIds: Array.from({ length: info.readUInt32LE(52) }, (_, i) => maps.readUInt32LE(i * 4)),
    runTimeNs: info.readBigUInt64LE(192),
    runCount: info.readBigUInt64LE(200),
  }
}

/** Run times and counts of all programs of the machine, until the descriptor is closed; some 20 ns a run (Linux 5.8). */
export function enableStatistics(): Result<number> {
  const fd = bpf(BPF.ENABLE_STATS, new Attr(4).u32(0, STATS_RUN_TIME))
  if (fd >= 0) return ok(fd)
  return bpfFault('bpf statistics', 'run times of programs', -fd, 'this needs CAP_SYS_ADMIN and Linux 5.8')
}

/** A descriptor of the program with this id; undefined if it is gone. */
export function openProgramById(id: number): number | undefined {
  const fd = bpf(BPF.PROG_GET_FD_BY_ID, new Attr(12).u32(0, id))
  return fd < 0 ? undefined : fd
}
