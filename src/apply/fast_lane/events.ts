// What the programs tell the agent through their ring buffer: a hint to look, never the only record of anything.

import { type Ip, ipFromBytes } from '../../base/ip.ts'
import type { LaneEvent } from '../fast_lane_contract.ts'
import { eventKind, layouts, reasonWords } from './abi.ts'

/** Undefined: nothing that anybody waits for, or of another version. */
export function readEvent(record: Buffer): LaneEvent | undefined {
  const { kind, hop, address, mtu_bytes, size } = layouts.event
  if (record.length < size) return undefined
  const ip = unmapped(record.subarray(address.at, address.at + address.count))
  switch (record.readUInt32LE(kind.at)) {
    case eventKind.EVENT_NEIGHBOUR_MOVED:
      return { kind: 'moved', why: `next hop ${ip} has another MAC` }
    case eventKind.EVENT_MTU:
      return { kind: 'mtu', why: `towards ${ip} only ${record.readUInt16LE(mtu_bytes.at)} bytes pass` }
    case eventKind.EVENT_DROP: {
      const [, why] = reasonWords.get(record.readUInt32LE(hop.at)) ?? [
        '',
        'for a reason that is not known here',
      ]
      return { kind: 'drop', why }
    }
    default:
      return undefined
  }
}

/** IPv4 stands as ::ffff:a.b.c.d. */
function unmapped(bytes: Buffer): Ip {
  const isMapped = bytes.readBigUInt64BE(0) === 0n && bytes.readUInt32BE(8) === 0xffff
  return ipFromBytes(isMapped ? bytes.subarray(12) : bytes)
}
