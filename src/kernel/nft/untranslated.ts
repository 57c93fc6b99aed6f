// Connection tracking entries of flows that the host does not translate: forgotten where packets begin to pass tracking
// by, because an entry that misses some calls what comes later invalid.

import { type Family, type Ip, ipFromBytes } from '../../base/ip.ts'
import { attr, attributes, concat, nest } from '../netlink/attribute.ts'
import type { Message } from '../netlink/message.ts'
import type { NetlinkSocket } from '../netlink/socket.ts'

const CT_GET = (1 << 8) | 1
const CT_DELETE = (1 << 8) | 2
const CTA = { TUPLE_ORIG: 1, STATUS: 3, ID: 12, ZONE: 18 } as const
const TUPLE_IP = 1
const IP: Readonly<Record<Family, { readonly source: number; readonly destination: number }>> = {
  4: { source: 1, destination: 2 },
  6: { source: 3, destination: 4 },
}
const ADDRESS_FAMILY: Readonly<Record<Family, number>> = { 4: 2, 6: 10 }
/** IPS_SRC_NAT and IPS_DST_NAT, enum ip_conntrack_status. */
const TRANSLATED = (1 << 4) | (1 << 5)

/** @returns how many were removed */
export function removeUntranslated(
  socket: NetlinkSocket,
  family: Family,
  concerns: (source: Ip, destination: Ip) => boolean,
): number {
  const header = Uint8Array.of(ADDRESS_FAMILY[family], 0, 0, 0)
  const dump = socket.dump({ type: CT_GET, flags: 0, object: 'flows', body: header })
  const removals = dump.flatMap((body): Message[] => {
    const flow = attributes(body.subarray(4))
    if (statusOf(flow.get(CTA.STATUS)) & TRANSLATED) return []
    const addresses = attributes(
      attributes(flow.get(CTA.TUPLE_ORIG) ?? new Uint8Array(0)).get(TUPLE_IP) ?? new Uint8Array(0),
    )
    const source = addresses.get(IP[family].source)
    const destination = addresses.get(IP[family].destination)
    if (!source || !destination || !concerns(ipFromBytes(source), ipFromBytes(destination))) return []
    const parts = [CTA.TUPLE_ORIG, CTA.ID, CTA.ZONE].flatMap((type) => {
      const payload = flow.get(type)
      if (!payload) return []
      return [type === CTA.TUPLE_ORIG ? nest(type, [payload]) : attr(type, payload)]
    })
    return [{ type: CT_DELETE, flags: 0, object: 'flow', body: concat([header, ...parts]) }]
  })
  return socket.batch(removals).filter((answer) => answer.ok).length
}

/** Big-endian, as everything of ctnetlink. */
const statusOf = (bytes: Uint8Array | undefined): number => (bytes ? Buffer.from(bytes).readUInt32BE(0) : 0)
