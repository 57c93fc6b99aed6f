// What may be wrong with a packet, so that the stack must see it.

import { concat } from '../../../src/kernel/netlink/attribute.ts'
import { ipHeader, type Segment, summed } from './bytes.ts'

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

function changed(packet: Buffer, change: (out: Buffer) => void): Buffer {
  const out = Buffer.from(packet)
  change(out)
  return (out[0] ?? 0) >> 4 === 4 ? summed(out) : out
}

/** With these flags and this offset of a fragment (RFC 791). */
export const fragment4 = (packet: Buffer, field: number): Buffer =>
  changed(packet, (out) => out.writeUInt16BE(field, 6))

/** With four bytes of options, which do nothing. */
export const withOptions = (packet: Buffer): Buffer =>
  changed(Buffer.concat([packet.subarray(0, 20), bytes(1, 1, 1, 1), packet.subarray(20)]), (out) => {
    out[0] = 0x46
    out.writeUInt16BE(out.length, 2)
  })

export const withVersion = (packet: Buffer, version: number): Buffer =>
  changed(packet, (out) => {
    out[0] = (version << 4) | ((out[0] ?? 0) & 15)
  })

export const ofProtocol = (packet: Buffer, protocol: number): Buffer =>
  changed(packet, (out) => {
    out[(out[0] ?? 0) >> 4 === 6 ? 6 : 9] = protocol
  })

/** Behind an IPv6 extension header of eight bytes. */
export function extended(segment: Segment, packet: Buffer, header: number): Buffer {
  const { src, dst } = segment
  const next = packet[6] ?? 0
  return ipHeader(
    { src, dst, protocol: header },
    concat([bytes(next, 0, 0, 0, 0, 0, 0, 0), packet.subarray(40)]),
  )
}

/** IPv6 with the IPv4-mapped form of 10.244.1.11 for its source (at 8) or destination (at 24). */
export const mapped = (packet: Buffer, at: number): Buffer =>
  changed(packet, (out) => out.set([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 244, 1, 11], at))
