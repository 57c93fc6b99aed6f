// Connection tracking entries, read: both tuples and whether the host translates. For looking at; nothing changes.

import { type Family, familyOf, type Ip, ipBytes, ipFromBytes } from '../../base/ip.ts'
import {
  type Attributes,
  attr,
  attributes,
  be16Attr,
  concat,
  nest,
  readBe16,
  readBe32,
  readU8,
  u8Attr,
} from '../netlink/attribute.ts'
import type { Message } from '../netlink/message.ts'
import type { NetlinkSocket } from '../netlink/socket.ts'

const CT_GET = (1 << 8) | 1
const CTA = { TUPLE_ORIG: 1, TUPLE_REPLY: 2, STATUS: 3 } as const
const TUPLE = { IP: 1, PROTO: 2 } as const
const PROTO = { NUMBER: 1, SOURCE_PORT: 2, DESTINATION_PORT: 3 } as const
const ADDRESS_FAMILY: Readonly<Record<Family, number>> = { 4: 2, 6: 10 }
const IP: Readonly<Record<Family, { readonly source: number; readonly destination: number }>> = {
  4: { source: 1, destination: 2 },
  6: { source: 3, destination: 4 },
}
/** Enum ip_conntrack_status. */
const STATUS = { SEEN_REPLY: 1 << 1, SOURCE: 1 << 4, DESTINATION: 1 << 5 } as const

export type Tuple = {
  readonly source: Ip
  readonly destination: Ip
  readonly protocol: number
  /** 0 where the protocol has none. */
  readonly sourcePort: number
  readonly port: number
}

export type Tracked = {
  /** As the first packet was before any translation. */
  readonly original: Tuple
  /** As answers come in: from where it went, to whom it said it was. */
  readonly reply: Tuple
  readonly answered: boolean
  readonly translatesSource: boolean
  readonly translatesDestination: boolean
}

/** One entry by the tuple of its original direction, or its reply's. */
export function findTracked(socket: NetlinkSocket, tuple: Tuple): Tracked | undefined {
  const family = familyOf(tuple.source)
  for (const type of [CTA.TUPLE_ORIG, CTA.TUPLE_REPLY]) {
    const answer = socket.request({
      type: CT_GET,
      flags: 0,
      object: 'flow',
      body: concat([header(family), nest(type, tupleAttributes(tuple, family))]),
    })
    const [found] = answer.ok ? answer.replies : []
    if (found) return parseTracked(found, family)
  }
  return undefined
}

/** Every entry of one family in which these addresses stand, in whatever place. */
export function trackedOf(socket: NetlinkSocket, family: Family, ips: readonly Ip[]): Tracked[] {
  const wanted = ips.map((ip) => Buffer.from(ipBytes(ip)))
  return socket.dump(getTracked(family)).flatMap((body) => {
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.length)
    // Most entries do not hold the bytes at all: a search is cheaper than reading them.
    if (!wanted.every((w) => bytes.includes(w))) return []
    return parseTracked(body, family) ?? []
  })
}

const header = (family: Family): Uint8Array => Uint8Array.of(ADDRESS_FAMILY[family], 0, 0, 0)

const getTracked = (family: Family): Message => ({
  type: CT_GET,
  flags: 0,
  object: `IPv${family} flows`,
  body: header(family),
})

const tupleAttributes = (t: Tuple, family: Family): Uint8Array[] => [
  nest(TUPLE.IP, [
    attr(IP[family].source, ipBytes(t.source)),
    attr(IP[family].destination, ipBytes(t.destination)),
  ]),
  nest(TUPLE.PROTO, [
    u8Attr(PROTO.NUMBER, t.protocol),
    be16Attr(PROTO.SOURCE_PORT, t.sourcePort),
    be16Attr(PROTO.DESTINATION_PORT, t.port),
  ]),
]

function parseTracked(body: Uint8Array, family: Family): Tracked | undefined {
  const flow = attributes(body.subarray(4))
  const original = parseTuple(flow, CTA.TUPLE_ORIG, family)
  const reply = parseTuple(flow, CTA.TUPLE_REPLY, family)
  if (!original || !reply) return undefined
  const status = readBe32(flow.get(CTA.STATUS)) ?? 0
  return {
    original,
    reply,
    answered: (status & STATUS.SEEN_REPLY) !== 0,
    translatesSource: (status & STATUS.SOURCE) !== 0,
    translatesDestination: (status & STATUS.DESTINATION) !== 0,
  }
}

function parseTuple(flow: Attributes, type: number, family: Family): Tuple | undefined {
  const tuple = attributes(flow.get(type) ?? new Uint8Array(0))
  const addresses = attributes(tuple.get(TUPLE.IP) ?? new Uint8Array(0))
  const protocol = attributes(tuple.get(TUPLE.PROTO) ?? new Uint8Array(0))
  const source = addresses.get(IP[family].source)
  const destination = addresses.get(IP[family].destination)
  if (!source || !destination) return undefined
  return {
    source: ipFromBytes(source),
    destination: ipFromBytes(destination),
    protocol: readU8(protocol.get(PROTO.NUMBER)) ?? 0,
    sourcePort: readBe16(protocol.get(PROTO.SOURCE_PORT)) ?? 0,
    port: readBe16(protocol.get(PROTO.DESTINATION_PORT)) ?? 0,
  }
}
