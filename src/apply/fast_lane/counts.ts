// What the programs have counted: packets and bytes of each path and each pod by lane, and why packets took the plain network.

import { sumPerCpu } from '../../kernel/bpf/cpus.ts'
import type { BpfMap } from '../../kernel/bpf/map.ts'
import { COURSES, course, layouts, reasonWords } from './abi.ts'
import { indexKey } from './values.ts'

export type LaneCount = { readonly packets: number; readonly bytes: number }
export type PathCount = {
  readonly sent: { readonly plain: LaneCount; readonly fast: LaneCount }
  readonly received: { readonly plain: LaneCount; readonly fast: LaneCount }
}
/**
 * How a pod's packets went. `other`: the programs cannot tell (to a Service, to the node or from it, to the world outside,
 * a header that they do not read); it is always plain. What came through the stack by the uplink in no tunnel is `direct`,
 * whoever sent it.
 */
export type Course = 'here' | 'direct' | 'vxlan' | 'other'
export type CourseCount = { readonly [C in Course]: { readonly plain: LaneCount; readonly fast: LaneCount } }
/** Bytes are those of the frames as the pod has them: no header of a tunnel. */
export type PodCount = { readonly sent: CourseCount; readonly received: CourseCount }
export type ReasonCount = { readonly name: string; readonly why: string; readonly packets: number }

/** The sum over all processors of the counter at a place of one value. */
type SumAt = (at: number) => number

const sumOf = (map: BpfMap, index: number): SumAt => {
  const value = map.lookup(indexKey(index)) ?? Buffer.alloc(map.valueBytes)
  return (at) => sumPerCpu(value, map.spec.valueSize, at)
}

/** Of the first `count` values, by index. */
const readAll = <T>(map: BpfMap, count: number, read: (sum: SumAt) => T): readonly T[] =>
  map.readArray(count, (bytes, from, to) => read((at) => sumPerCpu(bytes, map.spec.valueSize, from + at, to)))

export const readPathCount = (map: BpfMap, index: number): PathCount => pathCount(sumOf(map, index))

/** Of the first `count` paths, by index. */
export const readPathCounts = (map: BpfMap, count: number): readonly PathCount[] =>
  readAll(map, count, pathCount)

/** Of the first `count` paths, by index: of both directions and lanes together. */
export const readPackets = (map: BpfMap, count: number): readonly number[] => readAll(map, count, allPackets)

function pathCount(sum: SumAt): PathCount {
  const { sent, received } = layouts.path_count
  return { sent: bothLanes(sum, sent.at), received: bothLanes(sum, received.at) }
}

function allPackets(sum: SumAt): number {
  const { sent, received } = layouts.path_count
  const { packets, size } = layouts.lane_count
  const both = (at: number): number => sum(at + packets.at) + sum(at + size + packets.at)
  return both(sent.at) + both(received.at)
}

const none: LaneCount = { packets: 0, bytes: 0 }
export const noPackets: PathCount = {
  sent: { plain: none, fast: none },
  received: { plain: none, fast: none },
}

export function readPodCount(map: BpfMap, slot: number): PodCount {
  const sum = sumOf(map, slot)
  const { sent, received } = layouts.pod_count
  const both = (from: number, number: number) =>
    bothLanes(sum, from + (number * sent.size * sent.count) / COURSES)
  const all = (from: number): CourseCount => ({
    here: both(from, course.COURSE_HERE),
    direct: both(from, course.COURSE_DIRECT),
    vxlan: both(from, course.COURSE_VXLAN),
    other: both(from, course.COURSE_OTHER),
  })
  return { sent: all(sent.at), received: all(received.at) }
}

function bothLanes(sum: SumAt, at: number): { readonly plain: LaneCount; readonly fast: LaneCount } {
  const { packets, bytes, size } = layouts.lane_count
  const one = (from: number): LaneCount => ({ packets: sum(from + packets.at), bytes: sum(from + bytes.at) })
  return { plain: one(at), fast: one(at + size) }
}

export const readReasons = (map: BpfMap): ReasonCount[] =>
  [...reasonWords].map(([number, [name, why]]) => ({
    name: name.toLowerCase(),
    why,
    packets: sumOf(map, number)(0),
  }))
