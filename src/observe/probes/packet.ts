// A probe's bytes: 64 in network order, then filling up to the size that is asked about. An answer is 64 bytes, so none
// is larger than its question. The sum covers all of it: what a broken checksum lets through is seen.

import { crc32 } from 'node:zlib'
import type { PathKind } from '../../plan/peers.ts'

/** Of a UDP payload: an answer's size, and a question's smallest. */
export const SMALLEST = 64
export const LARGEST = 65_507

const MAGIC = 0x504c5052
const VERSION = 1
const SUM = 56
const NEVER = 0xffffffff
const KINDS: readonly PathKind[] = ['direct', 'vxlan']
const TYPES = ['question', 'answer', 'farewell'] as const

/** Seconds and nanoseconds of the sender's own clock; only differences of one clock are ever used. */
export type Moment = { readonly seconds: number; readonly nanoseconds: number }

/** What the sender has had from the receiver by one kind of path. */
export type Heard = {
  /** Questions since the sender began. */
  readonly count: number
  /** Since the last packet; undefined: none yet. */
  readonly ageMs: number | undefined
}

export type Probe = {
  readonly type: (typeof TYPES)[number]
  readonly kind: PathKind
  /** Sent without a UDP checksum; so is its answer. */
  readonly isUnsummed: boolean
  /** Of an answer: the question came with changed bytes. */
  readonly isSpoilt: boolean
  /** Not to be guessed: below 2^53. An answer has its question's. */
  readonly nonce: number
  /** Of the question's payload. */
  readonly sizeBytes: number
  /** Of an answer: when the question came and when the answer went. */
  readonly received: Moment
  readonly sent: Moment
  readonly heard: { readonly [K in PathKind]: Heard }
}

/** Writes the head into `bytes` and sums all of it. */
export function writeProbe(bytes: Buffer, probe: Probe): void {
  bytes.writeUInt32BE(MAGIC, 0)
  bytes[4] = VERSION
  bytes[5] = TYPES.indexOf(probe.type) + 1
  bytes[6] = KINDS.indexOf(probe.kind) + 1
  bytes[7] = (probe.isUnsummed ? 1 : 0) | (probe.isSpoilt ? 2 : 0)
  bytes.writeUInt32BE(Math.floor(probe.nonce / 2 ** 32), 8)
  bytes.writeUInt32BE(probe.nonce >>> 0, 12)
  bytes.writeUInt32BE(probe.sizeBytes, 16)
  bytes.writeUInt32BE(0, 20)
  writeMoment(bytes, probe.received, 24)
  writeMoment(bytes, probe.sent, 32)
  KINDS.forEach((kind, i) => {
    bytes.writeUInt32BE(probe.heard[kind].count >>> 0, 40 + 8 * i)
    bytes.writeUInt32BE(Math.min(probe.heard[kind].ageMs ?? NEVER, NEVER), 44 + 8 * i)
  })
  bytes.writeUInt32BE(0, SUM)
  bytes.writeUInt32BE(0, SUM + 4)
  bytes.writeUInt32BE(crc32(bytes), SUM)
}

/** `isWhole`: its bytes are those that were sent. */
export type ReadProbe = { readonly probe: Probe; readonly isWhole: boolean }

/** Undefined: no probe of this version. */
export function readProbe(bytes: Buffer): ReadProbe | undefined {
  if (bytes.length < SMALLEST || bytes.readUInt32BE(0) !== MAGIC || bytes[4] !== VERSION) return undefined
  const type = TYPES[(bytes[5] ?? 0) - 1]
  const kind = KINDS[(bytes[6] ?? 0) - 1]
  if (type === undefined || kind === undefined) return undefined
  const flags = bytes[7] ?? 0
  const nonce = bytes.readUInt32BE(8) * 2 ** 32 + bytes.readUInt32BE(12)
  if (nonce > Number.MAX_SAFE_INTEGER) return undefined
  const sum = bytes.readUInt32BE(SUM)
  bytes.writeUInt32BE(0, SUM)
  const isWhole = crc32(bytes) === sum
  return {
    probe: {
      type,
      kind,
      isUnsummed: (flags & 1) !== 0,
      isSpoilt: (flags & 2) !== 0,
      nonce,
      sizeBytes: bytes.readUInt32BE(16),
      received: readMoment(bytes, 24),
      sent: readMoment(bytes, 32),
      heard: { direct: readHeard(bytes, 40), vxlan: readHeard(bytes, 48) },
    },
    isWhole,
  }
}

/** From `a` to `b`, of one clock. */
export const nanosecondsBetween = (a: Moment, b: Moment): number =>
  (b.seconds - a.seconds) * 1e9 + (b.nanoseconds - a.nanoseconds)

function writeMoment(bytes: Buffer, moment: Moment, at: number): void {
  bytes.writeUInt32BE(moment.seconds >>> 0, at)
  bytes.writeUInt32BE(moment.nanoseconds, at + 4)
}

const readMoment = (bytes: Buffer, at: number): Moment => ({
  seconds: bytes.readUInt32BE(at),
  nanoseconds: bytes.readUInt32BE(at + 4),
})

function readHeard(bytes: Buffer, at: number): Heard {
  const ageMs = bytes.readUInt32BE(at + 4)
  return { count: bytes.readUInt32BE(at), ageMs: ageMs === NEVER ? undefined : ageMs }
}
