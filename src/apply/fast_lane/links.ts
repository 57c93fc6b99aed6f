// The devices that the programs know by their index: a set for each of its low bits, with a few places. Indexes are
// given one after the other, so sets fill evenly; a device that finds no place is not known.

import type { BpfMap } from '../../kernel/bpf/map.ts'
import { type course, LINK_PLACES, LINK_SETS, layouts } from './abi.ts'
import { indexKey } from './values.ts'

export type CourseNumber = (typeof course)[keyof typeof course]
export type KnownLink = {
  readonly index: number
  /** Whose counters a packet out by it is for. */
  readonly slot: number
  /** Which course a packet has taken that came in by it. */
  readonly came: CourseNumber
}

const { size: LINK_BYTES, ifindex, slot: slotField, course: courseField } = layouts.link

export class LinkTable {
  readonly #map: BpfMap
  /** BOUNDED by the map: by number, the sets that are not empty. */
  readonly #sets = new Map<number, Buffer>()

  constructor(map: BpfMap) {
    this.#map = map
    for (const [key, value] of map.entries())
      if (value.some((byte) => byte !== 0)) this.#sets.set(key.readUInt32LE(0), Buffer.from(value))
  }

  /** False: there was no place, and packets by this device are not counted. */
  set(link: KnownLink): boolean {
    const set = this.#sets.get(link.index % LINK_SETS) ?? Buffer.alloc(layouts.link_set.size)
    const at = placeOf(set, link.index) ?? placeOf(set, 0)
    if (at === undefined) return false
    const value = linkValue(link)
    if (!set.subarray(at, at + LINK_BYTES).equals(value)) this.#write(link.index, set, at, value)
    return true
  }

  delete(index: number): void {
    const set = this.#sets.get(index % LINK_SETS)
    const at = set && placeOf(set, index)
    if (set && at !== undefined) this.#write(index, set, at, Buffer.alloc(LINK_BYTES))
  }

  /** Every device with its pod's slot. */
  slots(): [index: number, slot: number][] {
    const out: [number, number][] = []
    for (const set of this.#sets.values())
      for (let at = 0; at < set.length; at += LINK_BYTES) {
        const index = set.readUInt32LE(at + ifindex.at)
        if (index !== 0) out.push([index, set.readUInt16LE(at + slotField.at)])
      }
    return out
  }

  #write(index: number, set: Buffer, at: number, value: Buffer): void {
    value.copy(set, at)
    const low = index % LINK_SETS
    this.#map.update(indexKey(low), set)
    if (set.some((byte) => byte !== 0)) this.#sets.set(low, set)
    else this.#sets.delete(low)
  }
}

function placeOf(set: Buffer, index: number): number | undefined {
  for (let place = 0; place < LINK_PLACES; place++)
    if (set.readUInt32LE(place * LINK_BYTES + ifindex.at) === index) return place * LINK_BYTES
  return undefined
}

function linkValue({ index, slot, came }: KnownLink): Buffer {
  const out = Buffer.alloc(LINK_BYTES)
  out.writeUInt32LE(index, ifindex.at)
  out.writeUInt16LE(slot, slotField.at)
  out[courseField.at] = came
  return out
}
