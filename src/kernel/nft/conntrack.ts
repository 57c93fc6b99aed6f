// Connection tracking entries of an address, removed by the kernel's own filter (ctnetlink CTA_FILTER, 5.8): of a pod
// that is gone, no flow may be left that another pod with its address would inherit.

import { familyOf, type Ip, ipBytes } from '../../base/ip.ts'
import { attr, concat, nest, u32Attr } from '../netlink/attribute.ts'
import type { Message } from '../netlink/message.ts'

const CT_DELETE = (1 << 8) | 2
const CTA = { TUPLE_ORIG: 1, TUPLE_REPLY: 2, FILTER: 25 } as const
const TUPLE_IP = 1
const FILTER_ORIG_FLAGS = 1
const FILTER_REPLY_FLAGS = 2
const FLAG_SOURCE = 1

/** Entries that the address began, and entries that lead to it, translated or not. */
export function deleteFlows(ip: Ip): readonly Message[] {
  const source = familyOf(ip) === 4 ? 1 : 3
  const family = familyOf(ip) === 4 ? 2 : 10
  return [CTA.TUPLE_ORIG, CTA.TUPLE_REPLY].map((tuple) => ({
    type: CT_DELETE,
    flags: 0,
    object: `flows of ${ip}`,
    body: concat([
      Uint8Array.of(family, 0, 0, 0),
      nest(tuple, [nest(TUPLE_IP, [attr(source, ipBytes(ip))])]),
      nest(CTA.FILTER, [
        u32Attr(FILTER_ORIG_FLAGS, tuple === CTA.TUPLE_ORIG ? FLAG_SOURCE : 0),
        u32Attr(FILTER_REPLY_FLAGS, tuple === CTA.TUPLE_REPLY ? FLAG_SOURCE : 0),
      ]),
    ]),
  }))
}
