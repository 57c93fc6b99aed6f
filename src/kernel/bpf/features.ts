// What this kernel can do of what the fast lane wants, found out by trying: version numbers lie where distributions
// port features back. Each missing one is named with the release that brought it.

import { KIND } from './btf.ts'
import { Attr, BPF, bpf, closeFd, cString, fieldText } from './command.ts'
import type { KernelBtf } from './kernel_btf.ts'
import { ATTACH, hasDeviceHook } from './link.ts'
import { createMap, MAP } from './map.ts'
import { PROGRAM } from './program_type.ts'

export type Feature = 'bpf' | 'tcx' | 'redirectPeer' | 'ringBuffer' | 'forEachMapElement' | 'conntrackLookup'

type Words = { readonly what: string; readonly since: string }

export const FEATURE_WORDS: Readonly<Record<Feature, Words>> = {
  bpf: { what: 'eBPF classifiers', since: 'Linux 4.1, with CAP_BPF and CAP_NET_ADMIN' },
  tcx: { what: 'tcx links', since: 'Linux 6.6' },
  redirectPeer: { what: 'bpf_redirect_peer', since: 'Linux 5.10' },
  ringBuffer: { what: 'BPF ring buffers', since: 'Linux 5.8' },
  forEachMapElement: { what: 'bpf_for_each_map_elem', since: 'Linux 5.13' },
  conntrackLookup: { what: 'bpf_skb_ct_lookup', since: 'Linux 5.18, with nf_conntrack loaded' },
}

export type Features = Readonly<Record<Feature, boolean>>

const HELPER = { redirectPeer: 155, forEachMapElement: 164 } as const
const LOG_BYTES = 16 << 10

/** Some milliseconds. */
export function probeFeatures(kernel: KernelBtf): Features {
  const fd = loadCode(passAll())
  const ring = createMap({
    name: 'probe',
    type: MAP.RINGBUF,
    keySize: 0,
    valueSize: 0,
    maxEntries: 4096,
    flags: 0,
  })
  if (ring.ok) ring.value.close()
  if (fd >= 0) closeFd(fd)
  return {
    bpf: fd >= 0,
    tcx: hasDeviceHook(ATTACH.TCX_INGRESS),
    redirectPeer: hasHelper(HELPER.redirectPeer),
    ringBuffer: ring.ok,
    forEachMapElement: hasHelper(HELPER.forEachMapElement),
    conntrackLookup: kernel.find(KIND.FUNC, 'bpf_skb_ct_lookup') !== undefined,
  }
}

/** One line for each that is not there. */
export const missingFeatures = (features: Features): string[] =>
  Object.entries(FEATURE_WORDS)
    .filter(([feature]) => !features[feature as Feature])
    .map(([, words]) => `${words.what}: came with ${words.since}`)

type Instruction = readonly [opcode: number, registers: number, immediate: number]

const code = (instructions: readonly Instruction[]): Buffer => {
  const out = Buffer.alloc(instructions.length * 8)
  for (const [i, [opcode, registers, immediate]] of instructions.entries()) {
    out.writeUInt8(opcode, i * 8)
    out.writeUInt8(registers, i * 8 + 1)
    out.writeInt32LE(immediate, i * 8 + 4)
  }
  return out
}
const MOVE: Instruction = [0xb7, 0, 0]
const EXIT: Instruction = [0x95, 0, 0]
const passAll = (): Buffer => code([MOVE, EXIT])

function loadCode(instructions: Buffer, log?: Buffer): number {
  const attr = new Attr(72)
    .u32(0, PROGRAM.SCHED_CLS)
    .u32(4, instructions.length / 8)
    .pointer(8, instructions)
    .pointer(16, cString('GPL'))
    .u32(24, log ? 1 : 0)
    .u32(28, log?.length ?? 0)
    .pointer(32, log)
  return bpf(BPF.PROG_LOAD, attr)
}

/** A call without arguments: refused for them where the helper is known, and for the helper where it is not. */
function hasHelper(id: number): boolean {
  const log = Buffer.alloc(LOG_BYTES)
  const fd = loadCode(code([[0x85, 0, id], MOVE, EXIT]), log)
  if (fd >= 0) closeFd(fd)
  return fd >= 0 || (log[0] !== 0 && !/unknown func|invalid func/.test(fieldText(log)))
}
