// Netlink attributes (struct nlattr: length, type, payload padded to four bytes) in both directions.

import { type Ip, ipBytes, ipFromBytes } from '../../base/ip.ts'

const NESTED = 0x8000
const TYPE_MASK = 0x3fff
const align = (n: number): number => (n + 3) & ~3

export const concat = (parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> => {
  let length = 0
  for (const part of parts) length += part.length
  const out = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

export function attr(type: number, payload: Uint8Array): Uint8Array {
  const out = new Uint8Array(align(4 + payload.length))
  const view = new DataView(out.buffer)
  view.setUint16(0, 4 + payload.length, true)
  view.setUint16(2, type, true)
  out.set(payload, 4)
  return out
}

export const nest = (type: number, inside: readonly Uint8Array[]): Uint8Array =>
  attr(type | NESTED, concat(inside))
export const flagAttr = (type: number): Uint8Array => attr(type, new Uint8Array(0))
export const u8Attr = (type: number, value: number): Uint8Array => attr(type, Uint8Array.of(value))
export const u16Attr = (type: number, value: number): Uint8Array => attr(type, u16(value))
export const u32Attr = (type: number, value: number): Uint8Array => attr(type, u32(value))
export const be16Attr = (type: number, value: number): Uint8Array => attr(type, be16(value))
export const be32Attr = (type: number, value: number): Uint8Array => attr(type, be32(value))
export const be64Attr = (type: number, value: bigint): Uint8Array => {
  const out = new Uint8Array(8)
  new DataView(out.buffer).setBigUint64(0, value)
  return attr(type, out)
}
/** A C string, with its final zero. */
export const textAttr = (type: number, value: string): Uint8Array => attr(type, Buffer.from(`${value}\0`))
export const ipAttr = (type: number, ip: Ip): Uint8Array => attr(type, ipBytes(ip))

export const u16 = (value: number): Uint8Array => Uint8Array.of(value & 0xff, (value >> 8) & 0xff)
export const u32 = (value: number): Uint8Array =>
  Uint8Array.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, (value >>> 24) & 0xff)
export const be16 = (value: number): Uint8Array => Uint8Array.of((value >> 8) & 0xff, value & 0xff)
export const be32 = (value: number): Uint8Array =>
  Uint8Array.of((value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff)

/**
 * Attribute payloads by type; views into the given bytes. A later attribute of a type replaces an earlier one. Looked
 * up by scanning: a dump of thousands of objects leaves no table of each behind.
 */
export type Attributes = { readonly get: (type: number) => Uint8Array | undefined }

export const attributes = (bytes: Uint8Array): Attributes => ({ get: (type) => lastOf(bytes, type) })

function lastOf(bytes: Uint8Array, wanted: number): Uint8Array | undefined {
  let at = 0
  let start = -1
  let end = 0
  while (at + 4 <= bytes.length) {
    const length = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8)
    if (length < 4 || at + length > bytes.length) break
    const type = ((bytes[at + 2] ?? 0) | ((bytes[at + 3] ?? 0) << 8)) & TYPE_MASK
    if (type === wanted) {
      start = at + 4
      end = at + length
    }
    at += align(length)
  }
  return start < 0 ? undefined : bytes.subarray(start, end)
}

/** Every attribute in order, for lists whose members share a type. */
export function attributeList(bytes: Uint8Array): (readonly [type: number, payload: Uint8Array])[] {
  const out: (readonly [number, Uint8Array])[] = []
  let at = 0
  while (at + 4 <= bytes.length) {
    const length = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8)
    const type = ((bytes[at + 2] ?? 0) | ((bytes[at + 3] ?? 0) << 8)) & TYPE_MASK
    if (length < 4 || at + length > bytes.length) break
    out.push([type, bytes.subarray(at + 4, at + length)])
    at += align(length)
  }
  return out
}

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
export const readU8 = (bytes: Uint8Array | undefined): number | undefined => bytes?.[0]
export const readU16 = (bytes: Uint8Array | undefined): number | undefined =>
  bytes && bytes.length >= 2 ? view(bytes).getUint16(0, true) : undefined
export const readU32 = (bytes: Uint8Array | undefined): number | undefined =>
  bytes && bytes.length >= 4 ? view(bytes).getUint32(0, true) : undefined
export const readS32 = (bytes: Uint8Array | undefined): number | undefined =>
  bytes && bytes.length >= 4 ? view(bytes).getInt32(0, true) : undefined
export const readBe16 = (bytes: Uint8Array | undefined): number | undefined =>
  bytes && bytes.length >= 2 ? view(bytes).getUint16(0) : undefined
export const readBe32 = (bytes: Uint8Array | undefined): number | undefined =>
  bytes && bytes.length >= 4 ? view(bytes).getUint32(0) : undefined
export const readText = (bytes: Uint8Array | undefined): string | undefined => {
  if (!bytes) return undefined
  const end = bytes.indexOf(0)
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('utf8')
}
export const readIp = (bytes: Uint8Array | undefined): Ip | undefined =>
  bytes && (bytes.length === 4 || bytes.length === 16) ? ipFromBytes(bytes) : undefined
