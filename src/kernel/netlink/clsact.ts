// Where kernels before 6.6 take BPF programs on a device: the qdisc clsact with a direct-action filter on each side
// (RTM_NEWQDISC, RTM_NEWTFILTER; tc-bpf(8)). Ours is recognised by its priority and name.

import type { IfIndex } from '../../base/ifindex.ts'
import { attributes, concat, nest, readText, readU32, textAttr, u32Attr } from './attribute.ts'
import { type Message, NLM_F_CREATE, NLM_F_EXCL } from './message.ts'

const RTM_NEWQDISC = 36
const RTM_DELQDISC = 37
const RTM_NEWTFILTER = 44
const RTM_DELTFILTER = 45
const RTM_GETTFILTER = 46
const TC_H_CLSACT = 0xfffffff1
const CLSACT_HANDLE = 0xffff0000
const PARENT = { ingress: 0xfffffff2, egress: 0xfffffff3 } as const
const TCA_KIND = 1
const TCA_OPTIONS = 2
const TCA_BPF = { FD: 6, NAME: 7, FLAGS: 8, ID: 11 } as const
const FLAG_ACT_DIRECT = 1
const ETH_P_ALL_BE = 0x0300
const HANDLE = 1
/** Low enough to leave others room in front. */
const PRIORITY = 0x706c
const NAME_PREFIX = 'podlane-'

export type Side = keyof typeof PARENT

function header(device: number, handle: number, parent: number, info: number): Uint8Array {
  const out = new Uint8Array(20)
  const view = new DataView(out.buffer)
  view.setInt32(4, device, true)
  view.setUint32(8, handle, true)
  view.setUint32(12, parent, true)
  view.setUint32(16, info, true)
  return out
}

const ours = (device: IfIndex, side: Side): Uint8Array =>
  header(device, HANDLE, PARENT[side], ((PRIORITY << 16) | ETH_P_ALL_BE) >>> 0)

/** Refused with EEXIST where one is already, whoever made it; that is as good. */
export const addClsact = (device: IfIndex): Message => ({
  type: RTM_NEWQDISC,
  flags: NLM_F_CREATE | NLM_F_EXCL,
  object: `clsact of link ${device}`,
  body: concat([header(device, CLSACT_HANDLE, TC_H_CLSACT, 0), textAttr(TCA_KIND, 'clsact')]),
})

/** With every filter in it: only where nobody else has one. */
export const delClsact = (device: IfIndex): Message => ({
  type: RTM_DELQDISC,
  flags: 0,
  object: `clsact of link ${device}`,
  body: concat([header(device, CLSACT_HANDLE, TC_H_CLSACT, 0), textAttr(TCA_KIND, 'clsact')]),
})

/** Our filter with this program, new or in place of the one before, without a packet between that meets neither. */
export const setFilter = (device: IfIndex, side: Side, name: string, programFd: number): Message => ({
  type: RTM_NEWTFILTER,
  flags: NLM_F_CREATE,
  object: `${side} filter of link ${device}`,
  body: concat([
    ours(device, side),
    textAttr(TCA_KIND, 'bpf'),
    nest(TCA_OPTIONS, [
      u32Attr(TCA_BPF.FD, programFd),
      textAttr(TCA_BPF.NAME, `${NAME_PREFIX}${name}`),
      u32Attr(TCA_BPF.FLAGS, FLAG_ACT_DIRECT),
    ]),
  ]),
})

export const delFilter = (device: IfIndex, side: Side): Message => ({
  type: RTM_DELTFILTER,
  flags: 0,
  object: `${side} filter of link ${device}`,
  body: concat([ours(device, side), textAttr(TCA_KIND, 'bpf')]),
})

/** The filter in our place, whoever put it there; refused if there is none. */
export const getFilter = (device: IfIndex, side: Side): Message => ({
  type: RTM_GETTFILTER,
  flags: 0,
  object: `${side} filter of link ${device}`,
  body: concat([ours(device, side), textAttr(TCA_KIND, 'bpf')]),
})

/** For a dump; the link must have a clsact. */
export const getFilters = (device: IfIndex, side: Side): Message => ({
  type: RTM_GETTFILTER,
  flags: 0,
  object: `${side} filters of link ${device}`,
  body: header(device, 0, PARENT[side], 0),
})

export type FilterRow = {
  readonly device: IfIndex
  readonly priority: number
  readonly kind: string
  /** Without our prefix, if the filter is ours; undefined for any other. */
  readonly ownName: string | undefined
  readonly programId: number | undefined
}

/** One RTM_NEWTFILTER body. A dump yields one more for each priority, without a handle: undefined. */
export function parseFilter(body: Uint8Array): FilterRow | undefined {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  if (view.getUint32(8, true) === 0) return undefined
  const all = attributes(body.subarray(20))
  const options = attributes(all.get(TCA_OPTIONS) ?? new Uint8Array(0))
  const name = readText(options.get(TCA_BPF.NAME)) ?? ''
  const priority = view.getUint32(16, true) >>> 16
  const own = priority === PRIORITY && name.startsWith(NAME_PREFIX)
  return {
    device: view.getInt32(4, true) as IfIndex,
    priority,
    kind: readText(all.get(TCA_KIND)) ?? '',
    ownName: own ? name.slice(NAME_PREFIX.length) : undefined,
    programId: readU32(options.get(TCA_BPF.ID)),
  }
}
