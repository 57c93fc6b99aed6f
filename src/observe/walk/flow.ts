// The flow table's entry of a packet. With both ports it is one lookup; without the sender's the table is searched, for
// as long as an answer may take.

import { layouts } from '../../apply/fast_lane/abi.ts'
import { addressKey } from '../../apply/fast_lane/values.ts'
import { familyOf } from '../../base/ip.ts'
import type { BpfMap } from '../../kernel/bpf/map.ts'
import type { Packet } from '../../schema/walk.ts'
import type { FlowFact } from './facts.ts'
import { PROTOCOL_NUMBER } from './protocols.ts'

export type FoundFlow = {
  readonly table: FlowFact['table']
  readonly key: Buffer
  readonly value: Buffer
  readonly sourcePort: number
}
type Tables = Readonly<Record<FlowFact['table'], BpfMap>>
type Search = { readonly flow: FoundFlow | undefined; readonly notes: readonly string[] }

const LONGEST_MS = 15
/** The clock is read once in so many entries. */
const BETWEEN_LOOKS = 1024

export function findFlow(maps: Tables, packet: Packet): Search {
  const until = performance.now() + LONGEST_MS
  for (const table of ['flows', 'half_open'] as const) {
    const found = find(maps[table], packet, until)
    if (found === 'late')
      return {
        flow: undefined,
        notes: ['the flow table is too full to be searched: name the sender’s port with --sport'],
      }
    if (found) return { flow: { table, ...found }, notes: [] }
  }
  return { flow: undefined, notes: [] }
}

type Entry = Omit<FoundFlow, 'table'>

function find(map: BpfMap, packet: Packet, until: number): Entry | 'late' | undefined {
  const { sourcePort, port } = packet
  if (packet.protocol !== 'icmp' && sourcePort !== undefined && port !== undefined) {
    const key = keyOf(packet, sourcePort, port)
    const value = map.lookup(key)
    return value && { key, value, sourcePort }
  }
  const wanted = keyOf(packet, 0, 0)
  const isFirst = senderIsFirst(packet, 0, 0)
  const at = layouts.flow_key.port.at
  const [own, other] = isFirst ? [at, at + 2] : [at + 2, at]
  let count = 0
  for (const [key, value] of map.entries()) {
    if (++count % BETWEEN_LOOKS === 0 && performance.now() > until) return 'late'
    if (key.compare(wanted, 0, at, 0, at) !== 0 || key[at + 4] !== wanted[at + 4]) continue
    if (packet.protocol !== 'icmp' && port !== undefined && key.readUInt16BE(other) !== port) continue
    return { key: Buffer.from(key), value: Buffer.from(value), sourcePort: key.readUInt16BE(own) }
  }
  return undefined
}

/** As `order_ends` in bpf/lib/packet.h: the smaller end first, compared by words as the processor reads them. */
export function keyOf(packet: Packet, sourcePort: number, port: number): Buffer {
  const { size, address, port: ports, protocol } = layouts.flow_key
  const out = Buffer.alloc(size)
  const source = { ip: addressKey(packet.source), port: sourcePort }
  const destination = { ip: addressKey(packet.destination), port }
  const [first, second] = senderIsFirst(packet, sourcePort, port)
    ? [source, destination]
    : [destination, source]
  out.set(first.ip, address.at)
  out.set(second.ip, address.at + 16)
  out.writeUInt16BE(first.port, ports.at)
  out.writeUInt16BE(second.port, ports.at + 2)
  out[protocol.at] = PROTOCOL_NUMBER[packet.protocol][familyOf(packet.source)]
  return out
}

function senderIsFirst(packet: Packet, sourcePort: number, port: number): boolean {
  const s = addressKey(packet.source)
  const d = addressKey(packet.destination)
  for (const at of [0, 8]) {
    const [a, b] = [s.readBigUInt64LE(at), d.readBigUInt64LE(at)]
    if (a !== b) return a < b
  }
  // In network order, as the programs compare them.
  const swapped = (n: number): number => ((n & 0xff) << 8) | (n >> 8)
  return swapped(sourcePort) <= swapped(port)
}
