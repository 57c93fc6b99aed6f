// What the programs have counted: packets and bytes of each path by lane, and why packets took the plain network.

import { sumPerCpu } from '../../kernel/bpf/cpus.ts'
import type { BpfMap } from '../../kernel/bpf/map.ts'
import { layouts, reasonWords } from './abi.ts'
import { indexKey } from './values.ts'

export type LaneCount = { readonly packets: number; readonly bytes: number }
export type PathCount = {
  readonly sent: { readonly plain: LaneCount; readonly fast: LaneCount }
  readonly received: { readonly plain: LaneCount; readonly fast: LaneCount }
}
export type ReasonCount = { readonly name: string; readonly why: string; readonly packets: number }

/** Over all processors. Beyond 2^53 it is rounded. */
const summed = (value: Buffer, valueSize: number, at: number): number =>
  Number(sumPerCpu(value, valueSize, at))

export function readPathCount(map: BpfMap, index: number): PathCount {
  const value = map.lookup(indexKey(index)) ?? Buffer.alloc(map.valueBytes)
  const { sent, received } = layouts.path_count
  const { packets, bytes, size } = layouts.lane_count
  const one = (at: number): LaneCount => ({
    packets: summed(value, map.spec.valueSize, at + packets.at),
    bytes: summed(value, map.spec.valueSize, at + bytes.at),
  })
  const both = (at: number) => ({ plain: one(at), fast: one(at + size) })
  return { sent: both(sent.at), received: both(received.at) }
}

export const readReasons = (map: BpfMap): ReasonCount[] =>
  [...reasonWords].map(([number, [name, why]]) => ({
    name: name.toLowerCase(),
    why,
    packets: summed(map.lookup(indexKey(number)) ?? Buffer.alloc(map.valueBytes), map.spec.valueSize, 0),
  }))
