// Connection tracking entries and their removal (ctnetlink): of a pod that is gone, no flow may be left that another pod
// with its address would inherit, and nobody else's flow may go.

import { type Family, familyOf, type Ip, ipBytes } from '../../base/ip.ts'
import { ENOENT } from '../errno.ts'
import {
  type Attributes,
  attr,
  attributes,
  be16,
  be16Attr,
  concat,
  nest,
  readBe16,
  readU8,
  u8Attr,
  u32Attr,
} from '../netlink/attribute.ts'
import type { Answer, Message } from '../netlink/message.ts'
import type { NetlinkSocket } from '../netlink/socket.ts'

const CT_GET = (1 << 8) | 1
const CT_DELETE = (1 << 8) | 2
const CTA = { TUPLE_ORIG: 1, TUPLE_REPLY: 2, ID: 12, ZONE: 18, FILTER: 25 } as const
const TUPLE_IP = 1
const TUPLE_PROTO = 2
const PROTO = { NUMBER: 1, DESTINATION_PORT: 3 } as const
const ADDRESS_FAMILY: Readonly<Record<Family, number>> = { 4: 2, 6: 10 }
const IP_SOURCE: Readonly<Record<Family, number>> = { 4: 1, 6: 3 }
const FILTER = { ORIG_FLAGS: 1, REPLY_FLAGS: 2 } as const
/** Bits of the filter: which fields of a tuple are compared. */
const COMPARE = { source: 1 << 0, protocol: 1 << 3, destinationPort: 1 << 5 } as const

const header = (family: Family): Uint8Array => Uint8Array.of(ADDRESS_FAMILY[family], 0, 0, 0)

type Tuple = 'TUPLE_ORIG' | 'TUPLE_REPLY'

const deleteWhere = (
  object: string,
  family: Family,
  tuple: Tuple,
  compare: number,
  fields: Uint8Array,
): Message => ({
  type: CT_DELETE,
  flags: 0,
  object,
  body: concat([
    header(family),
    nest(CTA[tuple], [fields]),
    nest(CTA.FILTER, [
      u32Attr(FILTER.ORIG_FLAGS, tuple === 'TUPLE_ORIG' ? compare : 0),
      u32Attr(FILTER.REPLY_FLAGS, tuple === 'TUPLE_REPLY' ? compare : 0),
    ]),
  ]),
})

/** Removes the entries that these addresses began and those that lead to them, translated or not. */
export function removeFlows(socket: NetlinkSocket, ips: readonly Ip[]): void {
  // ENOENT, here and below: there was no such flow, or it ended meanwhile.
  const answers = socket.batch(ips.filter((ip) => familyOf(ip) === 4).flatMap(deleteFlows4))
  for (const family of [4, 6] as const) {
    if (family === 4 && !answers.some(isRefused)) continue
    const searched = ips.filter((ip) => familyOf(ip) === family)
    if (searched.length > 0) socket.batch(flowsOf(socket, family, searched))
  }
}

/** A kernel that takes the filter for reading only, as 6.1 does (EINVAL): what it would have found is looked for here. */
const isRefused = (answer: Answer): boolean => !answer.ok && answer.errno !== ENOENT

/** The filter's own messages, for one IPv4 address. */
export function deleteFlows4(ip: Ip): readonly Message[] {
  const source = nest(TUPLE_IP, [attr(IP_SOURCE[4], ipBytes(ip))])
  return (['TUPLE_ORIG', 'TUPLE_REPLY'] as const).map((tuple) =>
    deleteWhere(`flows of ${ip}`, 4, tuple, COMPARE.source, source),
  )
}

/**
 * Looked for here: the kernel's filter compares IPv6 addresses the wrong way round (ctnetlink_filter_match_tuple, 5.8
 * to 6.18 at least) and would remove every flow but these.
 */
function flowsOf(socket: NetlinkSocket, family: Family, ips: readonly Ip[]): Message[] {
  const addresses = ips.map((ip) => Buffer.from(ipBytes(ip)))
  return flowsWhere(
    socket,
    family,
    // Most entries do not hold the bytes at all: a search is cheaper than reading them.
    (bytes) => addresses.some((a) => bytes.includes(a)),
    (flow) => {
      const sources = [CTA.TUPLE_ORIG, CTA.TUPLE_REPLY].map((tuple) => sourceOf(family, flow.get(tuple)))
      return addresses.some((a) => sources.some((s) => s && a.equals(s)))
    },
  )
}

/** The messages that delete, one by one, what a dump shows. */
function flowsWhere(
  socket: NetlinkSocket,
  family: Family,
  mayBe: (entry: Buffer) => boolean,
  is: (flow: Attributes) => boolean,
): Message[] {
  const dump = socket.dump({ type: CT_GET, flags: 0, object: `IPv${family} flows`, body: header(family) })
  return dump.flatMap((body) => {
    if (!mayBe(Buffer.from(body.buffer, body.byteOffset, body.length))) return []
    const flow = attributes(body.subarray(4))
    if (!is(flow)) return []
    const parts = [CTA.TUPLE_ORIG, CTA.ID, CTA.ZONE].flatMap((type) => {
      const payload = flow.get(type)
      if (!payload) return []
      return type === CTA.TUPLE_ORIG ? nest(type, [payload]) : attr(type, payload)
    })
    return {
      type: CT_DELETE,
      flags: 0,
      object: `IPv${family} flow`,
      body: concat([header(family), ...parts]),
    }
  })
}

function sourceOf(family: Family, tuple: Uint8Array | undefined): Uint8Array | undefined {
  const addresses = tuple && attributes(tuple).get(TUPLE_IP)
  return addresses && attributes(addresses).get(IP_SOURCE[family])
}

/**
 * Removes entries whose first packet went to this port of any address. A client that keeps sending UDP from one port
 * has an entry from before the port was translated, and each packet renews it: the pod would never hear of that client.
 */
export function removeFlowsToPort(
  socket: NetlinkSocket,
  family: Family,
  protocol: number,
  port: number,
): void {
  const first = nest(TUPLE_PROTO, [u8Attr(PROTO.NUMBER, protocol), be16Attr(PROTO.DESTINATION_PORT, port)])
  const compare = COMPARE.protocol | COMPARE.destinationPort
  const answer = socket.request(deleteWhere(`flows to port ${port}`, family, 'TUPLE_ORIG', compare, first))
  if (!isRefused(answer)) return
  const portBytes = be16(port)
  socket.batch(
    flowsWhere(
      socket,
      family,
      (bytes) => bytes.includes(portBytes),
      (flow) => {
        const tuple = attributes(flow.get(CTA.TUPLE_ORIG) ?? new Uint8Array(0))
        const proto = attributes(tuple.get(TUPLE_PROTO) ?? new Uint8Array(0))
        return (
          readU8(proto.get(PROTO.NUMBER)) === protocol && readBe16(proto.get(PROTO.DESTINATION_PORT)) === port
        )
      },
    ),
  )
}
