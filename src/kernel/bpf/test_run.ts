// BPF_PROG_TEST_RUN: a program run on data given to it, in the calling thread's present namespace, with no packet sent.

import { ok, type Result } from '../../base/result.ts'
import { Attr, BPF, bpf, bpfFault } from './command.ts'

/** struct __sk_buff: the fields that may be given, or that a program may change, with their bytes. */
const SKB = {
  len: 0,
  mark: 8,
  queueMapping: 12,
  protocol: 16,
  priority: 32,
  ingressIfindex: 36,
  ifindex: 40,
  cb0: 48,
  cb1: 52,
  cb2: 56,
  cb3: 60,
  cb4: 64,
  wireLen: 160,
  gsoSegs: 164,
  gsoSize: 176,
} as const // prettier-ignore
const SKB_BYTES = 192
/** What the kernel takes from the caller (test_run.c, convert___skb_to_skb); it refuses all others unless zero. */
type SkbInput =
  | 'mark'
  | 'priority'
  | 'ingressIfindex'
  | 'ifindex'
  | 'wireLen'
  | 'gsoSegs'
  | 'gsoSize'
  | CbField
type CbField = 'cb0' | 'cb1' | 'cb2' | 'cb3' | 'cb4'
/** Room for what a program adds in front. */
const HEADROOM_BYTES = 512

export type SkbRun = {
  /** From the Ethernet header on. */
  readonly packet: Buffer
  readonly skb?: { readonly [K in SkbInput]?: number }
  readonly repeat?: number
}

export type SkbOutcome = {
  /** TC_ACT_*, of the last run. */
  readonly verdict: number
  readonly packet: Buffer
  readonly skb: Readonly<Record<keyof typeof SKB, number>>
  /** Mean of all runs. */
  readonly durationNs: number
}

/** `repeat` runs on the same packet: what one run changes the next one finds. */
export function runOnPacket(programFd: number, run: SkbRun): Result<SkbOutcome> {
  const context = Buffer.alloc(SKB_BYTES)
  for (const [field, value] of entriesOf(run.skb ?? {})) context.writeUInt32LE(value, SKB[field])
  const contextOut = Buffer.alloc(SKB_BYTES)
  const packetOut = Buffer.alloc(run.packet.length + HEADROOM_BYTES)
  const attr = new Attr(80)
    .u32(0, programFd)
    .u32(8, run.packet.length)
    .u32(12, packetOut.length)
    .pointer(16, run.packet)
    .pointer(24, packetOut)
    .u32(32, run.repeat ?? 1)
    .u32(40, SKB_BYTES)
    .u32(44, SKB_BYTES)
    .pointer(48, context)
    .pointer(56, contextOut)
  const done = bpf(BPF.PROG_TEST_RUN, attr)
  if (done < 0) return runFault(-done)
  return ok({
    verdict: attr.bytes.readInt32LE(4),
    packet: packetOut.subarray(0, attr.read32(12)),
    skb: skbFields(contextOut),
    durationNs: attr.read32(36),
  })
}

const entriesOf = (skb: NonNullable<SkbRun['skb']>): [SkbInput, number][] =>
  Object.entries(skb) as [SkbInput, number][]

const skbFields = (context: Buffer): SkbOutcome['skb'] =>
  Object.fromEntries(
    Object.entries(SKB).map(([field, at]) => [field, context.readUInt32LE(at)]),
  ) as SkbOutcome['skb']

/** Runs a `syscall` program on its context, which it may change in place. Its return value. */
export function runSyscallProgram(programFd: number, context: Buffer): Result<number> {
  const attr = new Attr(80).u32(0, programFd).u32(40, context.length).pointer(48, context)
  const done = bpf(BPF.PROG_TEST_RUN, attr)
  return done < 0 ? runFault(-done) : ok(attr.bytes.readInt32LE(4))
}

const runFault = (errno: number) =>
  bpfFault(
    'test run of a program',
    'one run',
    errno,
    'see that the packet has 14 bytes and the device exists',
  )
