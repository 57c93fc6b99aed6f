// Named counters of a table (nfnetlink, NFT_MSG_GETOBJ): how many packets the rules that name them have met.

import { attributes, be32Attr, concat, readText, textAttr } from '../netlink/attribute.ts'
import type { Message } from '../netlink/message.ts'
import { NFT_FAMILY, type NftFamily } from './element.ts'

const GETOBJ = (10 << 8) | 19
const OBJECT = { TABLE: 1, NAME: 2, TYPE: 3, DATA: 4 } as const
const COUNTER_TYPE = 1
const COUNTER_PACKETS = 2

/** For a dump; an absent table has none. */
export const getCounters = (family: NftFamily, table: string): Message => ({
  type: GETOBJ,
  flags: 0,
  object: `counters of table ${family} ${table}`,
  body: concat([
    Uint8Array.of(NFT_FAMILY[family], 0, 0, 0),
    textAttr(OBJECT.TABLE, table),
    be32Attr(OBJECT.TYPE, COUNTER_TYPE),
  ]),
})

export type Counter = { readonly name: string; readonly packets: number }

export function parseCounter(body: Uint8Array): Counter | undefined {
  const all = attributes(body.subarray(4))
  const name = readText(all.get(OBJECT.NAME))
  const packets = attributes(all.get(OBJECT.DATA) ?? new Uint8Array(0)).get(COUNTER_PACKETS)
  if (name === undefined || packets?.length !== 8) return undefined
  return { name, packets: Number(new DataView(packets.buffer, packets.byteOffset).getBigUint64(0)) }
}
