// Which row of `pod_counts` each pod's link has, and what the programs know of this node's devices. A row begins at zero
// for the pod that gets it. Rows that became free go last in the queue: a packet that was under way when its pod was
// removed may still be counted, and no pod has that row by then.

import type { IfIndex } from '../../base/ifindex.ts'
import type { BpfMap } from '../../kernel/bpf/map.ts'
import type { FastLanePlan } from '../../plan/fast_lane.ts'
import type { Endpoint } from '../../state/endpoint.ts'
import { course, POD_SLOTS } from './abi.ts'
import type { LinkTable } from './links.ts'
import { indexKey } from './values.ts'

/** Of a plan. */
type Devices = {
  readonly uplink: Pick<NonNullable<FastLanePlan['uplink']>, 'index'> | undefined
  readonly tunnel: FastLanePlan['tunnel']
  readonly endpoints: readonly { readonly link: Pick<Endpoint['link'], 'index'> }[]
}

/** Row 0: of pods for which there was none; nobody reads it. */
export const NO_SLOT = 0

export class Slots {
  readonly #links: LinkTable
  readonly #counts: BpfMap
  /** BOUNDED by the rows, as the next: by the index of the pod's link. */
  readonly #taken: Map<number, number>
  /** The one that has been free for longest first. */
  readonly #free: number[]

  /** Takes up what a former run gave. */
  constructor(links: LinkTable, counts: BpfMap) {
    this.#links = links
    this.#counts = counts
    this.#taken = new Map(links.slots().filter(([, slot]) => slot !== NO_SLOT && slot < POD_SLOTS))
    const taken = new Set(this.#taken.values())
    this.#free = Array.from({ length: POD_SLOTS - 1 }, (_, i) => i + 1).filter((slot) => !taken.has(slot))
  }

  of(link: IfIndex): number | undefined {
    return this.#taken.get(link)
  }

  /** The row of the pod behind this link, a new one if it has none. `NO_SLOT` if all are taken. */
  take(index: IfIndex): number {
    const known = this.#taken.get(index)
    if (known !== undefined) return known
    const slot = this.#free[0] ?? NO_SLOT
    if (slot !== NO_SLOT) this.#counts.update(indexKey(slot), Buffer.alloc(this.#counts.valueBytes))
    if (!this.#links.set({ index, slot, came: course.COURSE_HERE }) || slot === NO_SLOT) return NO_SLOT
    this.#free.shift()
    this.#taken.set(index, slot)
    return slot
  }

  /** After the epochs of the pod's addresses were raised: no flow has its row then. */
  give(index: number): void {
    const slot = this.#taken.get(index)
    this.#links.delete(index)
    if (slot === undefined) return
    this.#taken.delete(index)
    this.#free.push(slot)
  }

  /** What comes in by the devices that are no pod's. @param sweep whatever else is not in the plan is forgotten */
  know({ uplink, tunnel, endpoints }: Devices, sweep: boolean): void {
    if (uplink) this.#links.set({ index: uplink.index, slot: NO_SLOT, came: course.COURSE_DIRECT })
    if (tunnel !== undefined) this.#links.set({ index: tunnel, slot: NO_SLOT, came: course.COURSE_VXLAN })
    if (!sweep) return
    const known = new Set<number | undefined>([uplink?.index, tunnel, ...endpoints.map((e) => e.link.index)])
    for (const [index] of this.#links.slots()) if (!known.has(index)) this.give(index)
  }
}
