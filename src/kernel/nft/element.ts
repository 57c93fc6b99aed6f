// Elements of nft sets and maps (nfnetlink, linux/netfilter/nf_tables.h): keys and data as the kernel lays them out,
// each field of a concatenation padded to four bytes.

import { type Ip, ipBytes } from '../../base/ip.ts'
import { type Mac, macBytes } from '../../base/mac.ts'
import {
  attr,
  attributeList,
  attributes,
  be16,
  be32Attr,
  be64Attr,
  concat,
  nest,
  readBe32,
  textAttr,
  u32,
} from '../netlink/attribute.ts'
import type { Message } from '../netlink/message.ts'

const SUBSYSTEM = 10 << 8
const GETSET = SUBSYSTEM | 10
const NEWSETELEM = SUBSYSTEM | 12
const GETSETELEM = SUBSYSTEM | 13
const DELSETELEM = SUBSYSTEM | 14
const SET = { TABLE: 1, NAME: 2 } as const
const LIST = { TABLE: 1, SET: 2, ELEMENTS: 3 } as const
const ELEM = { KEY: 1, DATA: 2, FLAGS: 3, TIMEOUT: 4, EXPIRATION: 5, KEY_END: 10 } as const
const LIST_ELEM = 1
const DATA_VALUE = 1
const INTERVAL_END = 1
export const NFT_FAMILY = { inet: 1, arp: 3 } as const

export type NftFamily = keyof typeof NFT_FAMILY
export type SetRef = { readonly family: NftFamily; readonly table: string; readonly set: string }

/** One member. `end` is the last key of a concatenated interval, or the first key after a plain one. */
export type Element = {
  readonly key: Uint8Array
  readonly end?: Uint8Array
  readonly data?: Uint8Array
  readonly timeoutMs?: number
}

/** As read back; `expiresMs` is what is left of a timeout. */
export type ReadElement = Element & { readonly intervalEnd: boolean; readonly expiresMs: number | undefined }

const padded = (bytes: Uint8Array): Uint8Array => {
  const out = new Uint8Array((bytes.length + 3) & ~3)
  out.set(bytes)
  return out
}
export const ipField = (ip: Ip): Uint8Array => ipBytes(ip)
export const macField = (mac: Mac): Uint8Array => padded(macBytes(mac))
/** Interface indexes, marks: in the host's byte order. */
export const numberField = (n: number): Uint8Array => u32(n)
export const protocolField = (protocol: number): Uint8Array => padded(Uint8Array.of(protocol))
export const portField = (port: number): Uint8Array => padded(be16(port))
export const fields = (...parts: readonly Uint8Array[]): Uint8Array => concat(parts)

/** Equal elements have equal keys; for maps, not for people. */
export function elementKey(e: Element): string {
  const text = (b: Uint8Array | undefined): string =>
    b ? Buffer.from(b.buffer, b.byteOffset, b.length).toString('latin1') : ''
  // Lengths are the same throughout a set, so nothing is needed in between but a sign for what is absent.
  return `${text(e.key)}${e.end ? '-' : '.'}${text(e.end)}${text(e.data)}`
}

/** For people. */
export function elementText(e: Element): string {
  const hex = (b: Uint8Array | undefined): string => (b ? Buffer.from(b).toString('hex') : '')
  return `${hex(e.key)}-${hex(e.end)}=${hex(e.data)}`
}

const header = (family: NftFamily): Uint8Array => Uint8Array.of(NFT_FAMILY[family], 0, 0, 0)

const value = (type: number, bytes: Uint8Array): Uint8Array => nest(type, [attr(DATA_VALUE, bytes)])

function elementAttributes(e: Element, withEnd: boolean, removal: boolean): Uint8Array {
  return nest(LIST_ELEM, [
    value(ELEM.KEY, e.key),
    ...(withEnd && e.end ? [value(ELEM.KEY_END, e.end)] : []),
    ...(e.data && !removal ? [value(ELEM.DATA, e.data)] : []),
    ...(e.timeoutMs !== undefined && !removal ? [be64Attr(ELEM.TIMEOUT, BigInt(e.timeoutMs))] : []),
  ])
}

/** How a set keeps its intervals: `concatenated` with the end in the element, `plain` as an element of its own. */
export type Intervals = 'none' | 'plain' | 'concatenated'

/** A message about elements. `split` makes one of each element, and none of a single one. */
export type ElementMessage = Message & { readonly split: () => readonly ElementMessage[] }

/** What a netlink attribute holds: its length has 16 bits. Well below, as each element is several attributes. */
const LIST_BYTES = 32_000

function elementList(e: Element, intervals: Intervals, removal: boolean): Uint8Array {
  const inside = elementAttributes(e, intervals === 'concatenated', removal)
  if (intervals !== 'plain' || !e.end) return inside
  return concat([inside, nest(LIST_ELEM, [be32Attr(ELEM.FLAGS, INTERVAL_END), value(ELEM.KEY, e.end)])])
}

/** As few messages as hold the elements: each costs the kernel a look-up of the set, and an answer. */
function messages(
  type: number,
  ref: SetRef,
  elements: readonly Element[],
  intervals: Intervals,
): ElementMessage[] {
  const out: ElementMessage[] = []
  let members: Element[] = []
  let lists: Uint8Array[] = []
  let bytes = 0
  const end = (): void => {
    if (members.length > 0) out.push(message(type, ref, members, lists, intervals))
    members = []
    lists = []
    bytes = 0
  }
  for (const e of elements) {
    const list = elementList(e, intervals, type === DELSETELEM)
    if (bytes + list.length > LIST_BYTES) end()
    members.push(e)
    lists.push(list)
    bytes += list.length
  }
  end()
  return out
}

function message(
  type: number,
  ref: SetRef,
  elements: readonly Element[],
  lists: readonly Uint8Array[],
  intervals: Intervals,
): ElementMessage {
  const [first] = elements
  const what =
    elements.length === 1 && first ? `element ${elementText(first)}` : `${elements.length} elements`
  return {
    type,
    flags: type === DELSETELEM ? 0 : 0x400,
    object: `${what} of set ${ref.family} ${ref.table} ${ref.set}`,
    body: concat([
      header(ref.family),
      textAttr(LIST.TABLE, ref.table),
      textAttr(LIST.SET, ref.set),
      nest(LIST.ELEMENTS, lists),
    ]),
    split: () => (elements.length === 1 ? [] : elements.flatMap((e) => messages(type, ref, [e], intervals))),
  }
}

export const addElements = (
  ref: SetRef,
  elements: readonly Element[],
  intervals: Intervals = 'none',
): ElementMessage[] => messages(NEWSETELEM, ref, elements, intervals)
export const delElements = (
  ref: SetRef,
  elements: readonly Element[],
  intervals: Intervals = 'none',
): ElementMessage[] => messages(DELSETELEM, ref, elements, intervals)

/** ENOENT if there is no such set, or no such table. */
export const getSet = (ref: SetRef): Message => ({
  type: GETSET,
  flags: 0,
  object: `set ${ref.family} ${ref.table} ${ref.set}`,
  body: concat([header(ref.family), textAttr(SET.TABLE, ref.table), textAttr(SET.NAME, ref.set)]),
})

export const getElements = (ref: SetRef): Message => ({
  type: GETSETELEM,
  flags: 0,
  object: `set ${ref.family} ${ref.table} ${ref.set}`,
  body: concat([header(ref.family), textAttr(LIST.TABLE, ref.table), textAttr(LIST.SET, ref.set)]),
})

/** The element that has this key, or whose interval holds it; ENOENT if there is none. */
export const getElement = (ref: SetRef, key: Uint8Array): Message => ({
  type: GETSETELEM,
  flags: 0,
  object: `element ${elementText({ key })} of set ${ref.family} ${ref.table} ${ref.set}`,
  body: concat([
    header(ref.family),
    textAttr(LIST.TABLE, ref.table),
    textAttr(LIST.SET, ref.set),
    nest(LIST.ELEMENTS, [elementAttributes({ key }, false, false)]),
  ]),
})

/** The elements in one message of a dump, or in the answer about one. */
export function parseElements(body: Uint8Array): ReadElement[] {
  const list = attributes(body.subarray(4)).get(LIST.ELEMENTS)
  if (!list) return []
  return attributeList(list).flatMap(([, bytes]) => {
    const all = attributes(bytes)
    const payload = (type: number): Uint8Array | undefined => {
      const nested = all.get(type)
      return nested && attributes(nested).get(DATA_VALUE)
    }
    const key = payload(ELEM.KEY)
    if (!key) return []
    const end = payload(ELEM.KEY_END)
    const data = payload(ELEM.DATA)
    return {
      key,
      ...(end ? { end } : {}),
      ...(data ? { data } : {}),
      intervalEnd: ((readBe32(all.get(ELEM.FLAGS)) ?? 0) & INTERVAL_END) !== 0,
      expiresMs: milliseconds(all.get(ELEM.EXPIRATION)),
    }
  })
}

const milliseconds = (bytes: Uint8Array | undefined): number | undefined =>
  bytes?.length === 8 ? Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0)) : undefined

/** Starts and ends of a plain interval set, as they come in a dump in any order, joined to intervals. */
export function joinIntervals(read: readonly ReadElement[]): Element[] {
  const order = (a: ReadElement, b: ReadElement): number =>
    Buffer.compare(a.key, b.key) || Number(b.intervalEnd) - Number(a.intervalEnd)
  const sorted = [...read].sort(order)
  const out: Element[] = []
  let open: ReadElement | undefined
  for (const e of sorted) {
    if (!e.intervalEnd) {
      // Without an end the interval reaches to the last address there is.
      if (open) out.push({ key: open.key })
      open = e
    } else if (open) {
      out.push({ key: open.key, end: e.key })
      open = undefined
    }
  }
  if (open) out.push({ key: open.key })
  return out
}

/** Ranges that neither overlap nor touch, in order. An interval without end reaches to the last address there is. */
export function joinRanges(ranges: readonly Element[]): Element[] {
  const sorted = [...ranges].sort((a, b) => Buffer.compare(a.key, b.key))
  const out: Element[] = []
  for (const next of sorted) {
    const last = out.at(-1)
    if (!last || (last.end && Buffer.compare(next.key, last.end) > 0)) out.push(next)
    else if (last.end && (!next.end || Buffer.compare(next.end, last.end) > 0))
      out[out.length - 1] = next.end ? { key: last.key, end: next.end } : { key: last.key }
  }
  return out
}

export const batchBegin: Message = {
  type: 0x10,
  flags: 0,
  object: 'nft transaction',
  body: Uint8Array.of(0, 0, 0, 10),
}
export const batchEnd: Message = {
  type: 0x11,
  flags: 0,
  object: 'nft transaction',
  body: Uint8Array.of(0, 0, 0, 10),
}
