// This node's pods in the fast lane: programs on their links, then their addresses in the map. A new pod waits: the first
// program on a device makes the kernel wait for a grace period with its lock held (tcx_entry_sync, 7 to 40 ms), which
// no ADD shall pay. Until then none of its packets is in the fast lane, in either direction.

import type { Ip } from '../../base/ip.ts'
import type { Fault } from '../../base/result.ts'
import type { BpfProgram } from '../../kernel/bpf/program.ts'
import { type FastLanePlan, podsOf } from '../../plan/fast_lane.ts'
import type { Endpoint } from '../../state/endpoint.ts'
import type { Outcome } from '../outcome.ts'
import type { Attachments, Device, Hook } from './attachments.ts'
import type { Epochs } from './epochs.ts'
import type { ProgramName } from './programs.ts'
import type { Slots } from './slots.ts'
import type { Table } from './table.ts'
import { addressKey, endpointValue } from './values.ts'

export type Hooks = readonly (readonly [Hook, ProgramName])[]
const POD_HOOKS: Hooks = [
  ['pod-egress', 'pod_egress'],
  ['pod-ingress', 'pod_ingress'],
]

export type PodParts = {
  readonly programs: ReadonlyMap<ProgramName, BpfProgram>
  readonly attachments: Attachments
  readonly endpoints: Table
  readonly epochs: Epochs
  readonly slots: Slots
}
type Waiting = { readonly endpoint: Endpoint; readonly limited: boolean }

export class Pods {
  readonly #parts: PodParts
  /** BOUNDED by the pods of this node, as the next: by link name, those whose programs are still to come. */
  readonly #waiting = new Map<string, Waiting>()
  /** Those whose links have our programs, by the link's name. */
  readonly #attached = new Map<string, Endpoint>()

  constructor(parts: PodParts) {
    this.#parts = parts
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** With the rows of their counters. One for which there was none is left out. */
  get counted(): readonly (readonly [endpoint: Endpoint, slot: number])[] {
    return [...this.#attached.values()].flatMap((endpoint) => {
      const slot = this.#parts.slots.of(endpoint.link.index)
      return slot === undefined ? [] : [[endpoint, slot] as const]
    })
  }

  /** One that waits is in no map: an address may have been another pod's, when no agent ran. */
  add(endpoint: Endpoint, limited: boolean): void {
    const stale = endpoint.addresses.filter((ip) => this.#parts.endpoints.delete(addressKey(ip)))
    this.#parts.epochs.raise(stale)
    this.#parts.slots.give(endpoint.link.index)
    this.#waiting.set(endpoint.link.name, { endpoint, limited })
  }

  /** When this returns, no flow of its addresses is in the fast lane. */
  remove(endpoint: Endpoint): void {
    this.#waiting.delete(endpoint.link.name)
    this.#attached.delete(endpoint.link.name)
    for (const ip of endpoint.addresses) this.#parts.endpoints.delete(addressKey(ip))
    this.#parts.epochs.raise(endpoint.addresses)
    this.#parts.slots.give(endpoint.link.index)
  }

  /** Its link has left the kernel, and took the programs along: taking them off a standing one costs a grace period. */
  gone(endpoint: Endpoint): void {
    this.#parts.attachments.detach(endpoint.link.name)
  }

  missing(endpoint: Endpoint): readonly string[] {
    // Speed fails open: what never had them is whole without them.
    if (!this.#attached.has(endpoint.link.name)) return []
    const missing = POD_HOOKS.filter(([hook]) => !this.#parts.attachments.isAttached(endpoint.link, hook))
    return missing.map(([hook]) => `program ${hook} on ${endpoint.link.name}`)
  }

  /** The pod that has waited for longest. Undefined: none waits. What is refused waits again, at the next look. */
  attachNext(): Outcome | undefined {
    for (const [name, { endpoint, limited }] of this.#waiting) {
      this.#waiting.delete(name)
      return this.#bringIn(endpoint, limited)
    }
    return undefined
  }

  /** Pods that have their programs are put right; the others wait. */
  apply(plan: Pick<FastLanePlan, 'endpoints' | 'limited'>, sweep: boolean): Outcome {
    const outcomes: Outcome[] = []
    for (const endpoint of plan.endpoints) {
      const isLimited = plan.limited.has(endpoint.link.index)
      if (this.#isIn(endpoint)) outcomes.push(this.#bringIn(endpoint, isLimited))
      else this.add(endpoint, isLimited)
    }
    if (sweep) outcomes.push(this.#removeOthers(plan.endpoints))
    return {
      changes: outcomes.flatMap((o) => o.changes),
      faults: outcomes.flatMap((o) => o.faults),
    }
  }

  #isIn(endpoint: Endpoint): boolean {
    const { link } = endpoint
    if (this.#attached.get(link.name)?.link.index === link.index) return true
    if (!POD_HOOKS.every(([hook]) => this.#parts.attachments.isAttached(link, hook))) return false
    this.#attached.set(link.name, endpoint)
    return true
  }

  /** Programs first: a packet that meets them before the address is known goes to the stack. */
  #bringIn(endpoint: Endpoint, limited: boolean): Outcome {
    const attached = attachAll(this.#parts, endpoint.link, POD_HOOKS)
    if (attached.faults.length > 0) return attached
    this.#attached.set(endpoint.link.name, endpoint)
    const slot = this.#parts.slots.take(endpoint.link.index)
    const faults: Fault[] = []
    const changed: Ip[] = []
    for (const pod of podsOf(endpoint, limited)) {
      const written = this.#parts.endpoints.set(addressKey(pod.ip), endpointValue(pod, slot))
      if (written === true) changed.push(pod.ip)
      else if (written !== false) faults.push(written)
    }
    this.#parts.epochs.raise(changed)
    return { changes: [...attached.changes, ...changed.map((ip) => `fast lane: pod ${ip}`)], faults }
  }

  #removeOthers(endpoints: readonly Endpoint[]): Outcome {
    const names = new Set(endpoints.map((e) => e.link.name))
    for (const name of this.#waiting.keys()) if (!names.has(name)) this.#waiting.delete(name)
    for (const name of this.#attached.keys()) if (!names.has(name)) this.#attached.delete(name)
    const wanted = new Set(
      endpoints.flatMap((e) => e.addresses.map((ip) => addressKey(ip).toString('latin1'))),
    )
    const { endpoints: table, epochs } = this.#parts
    const surplus = table.keys().filter((key) => !wanted.has(key.toString('latin1')))
    for (const key of surplus) table.delete(key)
    if (surplus.length > 0) epochs.raiseAll()
    return { changes: surplus.map(() => 'fast lane: no pod any more'), faults: [] }
  }
}

/** Each program at its hook of the device. */
export function attachAll(
  { programs, attachments }: Pick<PodParts, 'programs' | 'attachments'>,
  device: Device,
  hooks: Hooks,
): Outcome {
  const changes: string[] = []
  const faults: Fault[] = []
  for (const [hook, name] of hooks) {
    const program = programs.get(name)
    if (!program) continue
    const attached = attachments.attach(device, hook, program)
    if (!attached.ok) faults.push(attached.error)
    else if (attached.value) changes.push(`fast lane: ${name} on ${device.name}`)
  }
  return { changes, faults }
}
