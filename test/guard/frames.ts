// Raw Ethernet frames as an attacker would make them: every field is the caller's, checksums are right.

import { familyOf, type Ip, ipBytes } from '../../src/base/ip.ts'
import { type Mac, macBytes } from '../../src/base/mac.ts'
import { be16, be32, concat } from '../../src/kernel/netlink/attribute.ts'

const ETHERTYPE = { 4: 0x0800, 6: 0x86dd } as const
const PROTOCOL = { tcp: 6, udp: 17, icmp6: 58 } as const

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)
const empty = bytes()

export type Ethernet = { readonly from: Mac; readonly to: Mac }
export type Route = { readonly src: Ip; readonly dst: Ip }

export const ethernet = ({ from, to }: Ethernet, type: number, payload: Uint8Array): Uint8Array =>
  concat([macBytes(to), macBytes(from), be16(type), payload])

/** A packet of either family in its frame. */
export const frame = (link: Ethernet, packet: Uint8Array): Uint8Array =>
  ethernet(link, ETHERTYPE[((packet[0] ?? 0) >> 4) as 4 | 6], packet)

export function udp(
  route: Route,
  ports: { readonly from?: number; readonly to: number },
  data: Uint8Array,
): Uint8Array {
  const length = 8 + data.length
  const header = (sum: number) =>
    concat([be16(ports.from ?? 40_000), be16(ports.to), be16(length), be16(sum), data])
  return packet(route, 'udp', header(checksum(pseudo(route, PROTOCOL.udp, length), header(0)) || 0xffff))
}

/** A SYN without options: what a port of TCP answers with SYN-ACK or RST. */
export function syn(route: Route, ports: { readonly from: number; readonly to: number }): Uint8Array {
  const header = (sum: number) =>
    concat([
      be16(ports.from),
      be16(ports.to),
      be32(1),
      be32(0),
      bytes(0x50, 2),
      be16(0xffff),
      be16(sum),
      be16(0),
    ])
  return packet(route, 'tcp', header(checksum(pseudo(route, PROTOCOL.tcp, 20), header(0))))
}

/** VXLAN (RFC 7348) around a whole frame. */
export const vxlan = (vni: number, inner: Uint8Array): Uint8Array =>
  concat([bytes(8, 0, 0, 0), be32(vni * 256), inner])

export function packet(route: Route, protocol: keyof typeof PROTOCOL, payload: Uint8Array): Uint8Array {
  return familyOf(route.src) === 4
    ? packet4(route, PROTOCOL[protocol], payload)
    : packet6(route, PROTOCOL[protocol], payload)
}

type Piece = { readonly offset: number; readonly more: boolean; readonly id: number }

function packet4({ src, dst }: Route, protocol: number, payload: Uint8Array, piece?: Piece): Uint8Array {
  const flags = piece ? (piece.offset >> 3) | (piece.more ? 0x2000 : 0) : 0
  const header = (sum: number) =>
    concat([
      bytes(0x45, 0),
      be16(20 + payload.length),
      be16(piece?.id ?? 7),
      be16(flags),
      bytes(64, protocol),
      be16(sum),
      ipBytes(src),
      ipBytes(dst),
    ])
  return concat([header(checksum(empty, header(0))), payload])
}

const packet6 = ({ src, dst }: Route, protocol: number, payload: Uint8Array): Uint8Array =>
  concat([
    bytes(0x60, 0, 0, 0),
    be16(payload.length),
    bytes(protocol, protocol === 58 ? 255 : 64),
    ipBytes(src),
    ipBytes(dst),
    payload,
  ])

/** The same packet in fragments of `size` bytes of payload (a multiple of eight). */
export function fragments(whole: Uint8Array, route: Route, size: number, id = 99): Uint8Array[] {
  const six = familyOf(route.src) === 6
  const payload = whole.subarray(six ? 40 : 20)
  const protocol = whole[six ? 6 : 9] ?? 0
  const out: Uint8Array[] = []
  for (let offset = 0; offset < payload.length; offset += size) {
    const part = payload.subarray(offset, offset + size)
    const more = offset + size < payload.length
    if (!six) out.push(packet4(route, protocol, part, { offset, more, id }))
    // RFC 8200, 4.5: the fragment header.
    else
      out.push(
        packet6(route, 44, concat([bytes(protocol, 0), be16(offset | (more ? 1 : 0)), be32(id), part])),
      )
  }
  return out
}

export const arp = (
  op: 'request' | 'reply',
  sender: { mac: Mac; ip: Ip },
  target: { mac: Mac; ip: Ip },
): Uint8Array =>
  concat([
    bytes(0, 1, 8, 0, 6, 4, 0, op === 'request' ? 1 : 2),
    macBytes(sender.mac),
    ipBytes(sender.ip),
    macBytes(target.mac),
    ipBytes(target.ip),
  ])
export const ARP = 0x0806

/**
 * A neighbour solicitation or advertisement (RFC 4861) with the link-layer address as option. An advertisement
 * overrides; to a group it says of itself that nobody asked, else it would count for nothing (7.1.2).
 */
export function neighbour(
  kind: 'solicitation' | 'advertisement',
  route: Route,
  target: Ip,
  mac: Mac,
): Uint8Array {
  const override = route.dst.startsWith('ff') ? 0x20 : 0x60
  const [type, flags, option] = kind === 'solicitation' ? [135, 0, 1] : [136, override, 2]
  const body = (sum: number) =>
    concat([
      bytes(type, 0),
      be16(sum),
      bytes(flags, 0, 0, 0),
      ipBytes(target),
      bytes(option, 1),
      macBytes(mac),
    ])
  return icmp6(route, body)
}

/** A router advertisement with a lifetime of half an hour and the router's link-layer address. */
export const advertisement = (route: Route, mac: Mac): Uint8Array =>
  icmp6(route, (sum) =>
    concat([
      bytes(134, 0),
      be16(sum),
      bytes(64, 0),
      be16(1800),
      be32(0),
      be32(0),
      bytes(1, 1),
      macBytes(mac),
    ]),
  )

function icmp6({ src, dst }: Route, body: (sum: number) => Uint8Array): Uint8Array {
  const sum = checksum(pseudo({ src, dst }, PROTOCOL.icmp6, body(0).length), body(0))
  return packet6({ src, dst }, PROTOCOL.icmp6, body(sum))
}

const pseudo = ({ src, dst }: Route, protocol: number, length: number): Uint8Array =>
  concat([ipBytes(src), ipBytes(dst), be32(length), be32(protocol)])

/** RFC 1071, over the pseudo header and what follows. */
function checksum(head: Uint8Array, body: Uint8Array): number {
  let sum = 0
  for (const part of [head, body])
    for (let i = 0; i < part.length; i += 2) sum += ((part[i] ?? 0) << 8) | (part[i + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}
