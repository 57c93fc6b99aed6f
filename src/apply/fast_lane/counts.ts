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

/** Over all processors. Beyond 2^53 it is rounded. */
const summed = (value: Buffer, valueSize: number, at: number): number =>
  Number(sumPerCpu(value, valueSize, at))

export function readPathCount(map: BpfMap, index: number): PathCount {
  const value = map.lookup(indexKey(index)) ?? Buffer.alloc(map.valueBytes)
  const { sent, received } = layouts.path_count
  const both = (at: number) => bothLanes(map, value, at)
  return { sent: both(sent.at), received: both(received.at) }
}

export function readPodCount(map: BpfMap, slot: number): PodCount {
  const value = map.lookup(indexKey(slot)) ?? Buffer.alloc(map.valueBytes)
  const { sent, received } = layouts.pod_count
  const both = (from: number, number: number) =>
    bothLanes(map, value, from + (number * sent.size * sent.count) / COURSES)
  const all = (from: number): CourseCount => ({
    here: both(from, course.COURSE_HERE),
    direct: both(from, course.COURSE_DIRECT),
    vxlan: both(from, course.COURSE_VXLAN),
    other: both(from, course.COURSE_OTHER),
  })
  return { sent: all(sent.at), received: all(received.at) }
}

function bothLanes(
  map: BpfMap,
  value: Buffer,
  at: number,
): { readonly plain: LaneCount; readonly fast: LaneCount } {
  const { packets, bytes, size } = layouts.lane_count
  const one = (from: number): LaneCount => ({
    packets: summed(value, map.spec.valueSize, from + packets.at),
    bytes: summed(value, map.spec.valueSize, from + bytes.at),
  })
  return { plain: one(at), fast: one(at + size) }
}

export const readReasons = (map: BpfMap): ReasonCount[] =>
  [...reasonWords].map(([number, [name, why]]) => ({
    name: name.toLowerCase(),
    why,
    packets: summed(map.lookup(indexKey(number)) ?? Buffer.alloc(map.valueBytes), map.spec.valueSize, 0),
  }))
