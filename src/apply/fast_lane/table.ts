// A map of ours as the agent last knew it: differences are found without asking the kernel, which nobody else writes.
// Read from the kernel once, when it is opened.

import type { Fault } from '../../base/result.ts'
import type { BpfMap } from '../../kernel/bpf/map.ts'

export class Table {
  readonly #map: BpfMap
  /** BOUNDED by the map. Values by their keys' bytes as latin1. */
  readonly #known = new Map<string, Buffer>()

  constructor(map: BpfMap) {
    this.#map = map
    for (const [key, value] of map.entries()) this.#known.set(nameOf(key), value)
  }

  get(key: Buffer): Buffer | undefined {
    return this.#known.get(nameOf(key))
  }

  /** Whether it was written; undefined if it stood there already; a fault if the kernel refused. */
  set(key: Buffer, value: Buffer): boolean | Fault {
    if (this.get(key)?.equals(value)) return false
    const written = this.#map.update(key, value)
    if (!written.ok) return written.error
    this.#known.set(nameOf(key), value)
    return true
  }

  delete(key: Buffer): boolean {
    if (!this.#known.delete(nameOf(key))) return false
    this.#map.delete(key)
    return true
  }

  keys(): Buffer[] {
    return [...this.#known.keys()].map((name) => Buffer.from(name, 'latin1'))
  }

  values(): readonly Buffer[] {
    return [...this.#known.values()]
  }
}

const nameOf = (key: Buffer): string => key.toString('latin1')
