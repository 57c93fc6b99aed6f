// Packets as they stand on the wire, every field the caller's: what goes into the programs and what must come out.

import { familyOf, type Ip, ipBytes } from '../../../src/base/ip.ts'
import { type Mac, macBytes } from '../../../src/base/mac.ts'
import { be16, be32 } from '../../../src/kernel/netlink/attribute.ts'

export const ETHERNET_BYTES = 14
export const ETHERTYPE = { 4: 0x0800, 6: 0x86dd } as const
export const TCP = { FIN: 1, SYN: 2, RST: 4, ACK: 16 } as const

export type Segment = {
  readonly src: Ip
  readonly dst: Ip
  /** «echo»: an ICMP echo request, or whatever `type` says. */
  readonly protocol: 'tcp' | 'udp' | 'echo'
  /** Of an echo: identifier and sequence. */
  readonly ports?: readonly [number, number]
  readonly flags?: number
  readonly type?: number
  readonly ttl?: number
  readonly ecn?: number
  readonly id?: number
  readonly data?: Uint8Array
}

const ECHO_REQUEST = { 4: 8, 6: 128 } as const
export const ECHO_REPLY = { 4: 0, 6: 129 } as const
const NUMBER = { tcp: 6, udp: 17, echo: 1 } as const
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)
const hello = Buffer.from('hello, pod')

/** An IP packet with its transport header. The transport's own sum is any: no program reads it. */
export function ipPacket(s: Segment): Buffer {
  const six = familyOf(s.src) === 6
  const protocol = six && s.protocol === 'echo' ? 58 : NUMBER[s.protocol]
  return ipHeader({ ...s, protocol }, transport(s))
}

function transport(s: Segment): Buffer {
  const [from, to] = s.ports ?? [40_000, 80]
  const data = s.data ?? hello
  const sum = be16(0xbeef)
  if (s.protocol === 'tcp') {
    const numbers = [be32(1000), be32(2000), bytes(0x50, s.flags ?? TCP.ACK), be16(0xffff)]
    return Buffer.concat([be16(from), be16(to), ...numbers, sum, be16(0), data])
  }
  if (s.protocol === 'udp') return Buffer.concat([be16(from), be16(to), be16(8 + data.length), sum, data])
  return icmp(s.type ?? ECHO_REQUEST[familyOf(s.src)], 0, [be16(from), be16(to), data])
}

const icmp = (type: number, code: number, rest: readonly Uint8Array[]): Buffer =>
  Buffer.concat([bytes(type, code), be16(0xbeef), ...rest])

export type IpFields = Pick<Segment, 'src' | 'dst' | 'ttl' | 'ecn' | 'id'> & { readonly protocol: number }

export function ipHeader(f: IpFields, payload: Uint8Array): Buffer {
  const ends = [ipBytes(f.src), ipBytes(f.dst)]
  const ttl = f.ttl ?? 64
  if (familyOf(f.src) === 6) {
    const first = be32((6 << 28) | ((f.ecn ?? 0) << 20))
    return Buffer.concat([first, be16(payload.length), bytes(f.protocol, ttl), ...ends, payload])
  }
  const start = [bytes(0x45, f.ecn ?? 0), be16(20 + payload.length), be16(f.id ?? 0x1234), be16(0)]
  return summed(Buffer.concat([...start, bytes(ttl, f.protocol), be16(0), ...ends, payload]))
}

/** With the right sum in its IPv4 header. */
export function summed(packet: Buffer): Buffer {
  const out = Buffer.from(packet)
  out.writeUInt16BE(0, 10)
  out.writeUInt16BE(~headerSum(out) & 0xffff, 10)
  return out
}

/** RFC 1071, over the IPv4 header: 0xffff if its sum is right. */
export function headerSum(packet: Buffer): number {
  let sum = 0
  for (let i = 0; i < ((packet[0] ?? 0) & 15) * 4; i += 2) sum += packet.readUInt16BE(i)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return sum
}

/** An ICMP error of `router` to the sender of `quoted`. */
export function icmpError(router: Ip, quoted: Buffer, over: { type?: number; dst?: Ip } = {}): Buffer {
  const six = familyOf(router) === 6
  const source = six ? quoted.subarray(8, 24) : quoted.subarray(12, 16)
  const payload = icmp(over.type ?? (six ? 1 : 3), six ? 4 : 3, [be32(0), quoted])
  const out = ipHeader({ src: router, dst: over.dst ?? router, protocol: six ? 58 : 1 }, payload)
  if (over.dst !== undefined) return out
  out.set(source, six ? 24 : 16)
  return six ? out : summed(out)
}

export type Link = { readonly to: Mac; readonly from: Mac }

export const ethernet = ({ to, from }: Link, type: number, payload: Uint8Array): Buffer =>
  Buffer.concat([macBytes(to), macBytes(from), be16(type), payload])

/** In a frame of the packet's own family. */
export const frameOf = (link: Link, packet: Buffer): Buffer =>
  ethernet(link, (packet[0] ?? 0) >> 4 === 6 ? ETHERTYPE[6] : ETHERTYPE[4], packet)

export type Outer = Link & {
  readonly src: Ip
  readonly dst: Ip
  readonly sourcePort: number
  readonly port?: number
  readonly vni?: number
  readonly flags?: number
  readonly sum?: number
  readonly ecn?: number
  readonly id?: number
}

/** VXLAN (RFC 7348) around a whole frame. */
export function vxlan(o: Outer, inner: Buffer): Buffer {
  const payload = Buffer.concat([
    be16(o.sourcePort),
    be16(o.port ?? 4789),
    be16(16 + inner.length),
    be16(o.sum ?? 0),
    be32((o.flags ?? 8) * 2 ** 24),
    be32((o.vni ?? 112) * 256),
    inner,
  ])
  const { src, dst, ecn = 0, id = 0 } = o
  return frameOf(o, ipHeader({ src, dst, ecn, id, protocol: 17 }, payload))
}

/** As it is one hop later. `offset`: of the IP header. */
export function aged(frame: Buffer, offset = ETHERNET_BYTES): Buffer {
  const out = Buffer.from(frame)
  const six = (out[offset] ?? 0) >> 4 === 6
  const at = offset + (six ? 7 : 8)
  out[at] = (out[at] ?? 0) - 1
  if (!six) out.set(summed(out.subarray(offset)), offset)
  return out
}
