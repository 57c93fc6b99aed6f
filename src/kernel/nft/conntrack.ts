// Connection tracking entries and their removal (ctnetlink): of a pod that is gone, no flow may be left that another pod
// with its address would inherit, and nobody else's flow may go.

import { type Family, familyOf, type Ip, ipBytes } from '../../base/ip.ts'
import { attr, attributes, be16Attr, concat, nest, u8Attr, u32Attr } from '../netlink/attribute.ts'
import type { Message } from '../netlink/message.ts'
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

/**
 * Removes the entries that these addresses began and those that lead to them, translated or not. Kernels before 5.8
 * refuse the filter; IPv4 flows then age out by themselves.
 */
export function removeFlows(socket: NetlinkSocket, ips: readonly Ip[]): void {
  // ENOENT, here and below: there was no such flow, or it ended meanwhile.
  socket.batch(ips.filter((ip) => familyOf(ip) === 4).flatMap(deleteFlows4))
  const six = ips.filter((ip) => familyOf(ip) === 6)
  if (six.length > 0) socket.batch(flowsOf6(socket, six))
}

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
function flowsOf6(socket: NetlinkSocket, ips: readonly Ip[]): Message[] {
  const addresses = ips.map((ip) => Buffer.from(ipBytes(ip)))
  const dump = socket.dump({ type: CT_GET, flags: 0, object: 'IPv6 flows', body: header(6) })
  return dump.flatMap((body) => {
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.length)
    // Most entries do not hold the bytes at all: a search is cheaper than reading them.
    if (!addresses.some((a) => bytes.includes(a))) return []
    const flow = attributes(body.subarray(4))
    const sources = [CTA.TUPLE_ORIG, CTA.TUPLE_REPLY].map((tuple) => sourceOf6(flow.get(tuple)))
    if (!addresses.some((a) => sources.some((s) => s && a.equals(s)))) return []
    const parts = [CTA.TUPLE_ORIG, CTA.ID, CTA.ZONE].flatMap((type) => {
      const payload = flow.get(type)
      if (!payload) return []
      return type === CTA.TUPLE_ORIG ? nest(type, [payload]) : attr(type, payload)
    })
    return { type: CT_DELETE, flags: 0, object: 'IPv6 flow', body: concat([header(6), ...parts]) }
  })
}

function sourceOf6(tuple: Uint8Array | undefined): Uint8Array | undefined {
  const addresses = tuple && attributes(tuple).get(TUPLE_IP)
  return addresses && attributes(addresses).get(IP_SOURCE[6])
}

/**
 * Entries whose first packet went to this port of any address. A client that keeps sending UDP from one port has an
 * entry from before the port was translated, and each packet renews it: the pod would never hear of that client.
 */
export const deleteFlowsToPort = (family: Family, protocol: number, port: number): Message =>
  deleteWhere(
    `flows to port ${port}`,
    family,
    'TUPLE_ORIG',
    COMPARE.protocol | COMPARE.destinationPort,
    nest(TUPLE_PROTO, [u8Attr(PROTO.NUMBER, protocol), be16Attr(PROTO.DESTINATION_PORT, port)]),
  )
