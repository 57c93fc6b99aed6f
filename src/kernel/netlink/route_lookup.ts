// The kernel's own answer to «which way does this packet take» (RTM_GETROUTE): by rules, tables and the interface that it
// came in by, as routing itself would look.

import type { IfIndex } from '../../base/ifindex.ts'
import { bitsOf, familyOf, type Ip } from '../../base/ip.ts'
import { afOf } from './address.ts'
import { be16Attr, concat, ipAttr, u8Attr, u32Attr } from './attribute.ts'
import type { Message } from './message.ts'

const RTM_GETROUTE = 26
const RTA = { DST: 1, SRC: 2, IIF: 3, IP_PROTO: 27, SPORT: 28, DPORT: 29 } as const
/** Answer with the entry of the table that was found, not with the way that came of it (4.13 for IPv4). */
const RTM_F_FIB_MATCH = 0x2000

export type RouteQuestion = {
  readonly destination: Ip
  /** Of a packet that came in by `device`; absent: the host itself sends. */
  readonly source?: Ip
  readonly device?: IfIndex
  readonly protocol?: number
  readonly sourcePort?: number
  readonly port?: number
}

/** @param entry the table's entry instead of the way */
export function getWay(q: RouteQuestion, entry = false): Message {
  const out = new Uint8Array(12)
  const bits = bitsOf(familyOf(q.destination))
  out[0] = afOf(q.destination)
  out[1] = bits
  if (q.source !== undefined) out[2] = bits
  new DataView(out.buffer).setUint32(8, entry ? RTM_F_FIB_MATCH : 0, true)
  const { device, protocol, sourcePort, port } = q
  return {
    type: RTM_GETROUTE,
    flags: 0,
    object: `way to ${q.destination}`,
    body: concat([
      out,
      ipAttr(RTA.DST, q.destination),
      ...(q.source === undefined ? [] : [ipAttr(RTA.SRC, q.source)]),
      ...(device === undefined ? [] : [u32Attr(RTA.IIF, device)]),
      ...(protocol === undefined ? [] : [u8Attr(RTA.IP_PROTO, protocol)]),
      ...(sourcePort === undefined ? [] : [be16Attr(RTA.SPORT, sourcePort)]),
      ...(port === undefined ? [] : [be16Attr(RTA.DPORT, port)]),
    ]),
  }
}
