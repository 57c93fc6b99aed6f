// Path MTUs that programs have lowered because a router said so: forgotten after ten minutes, as the kernel forgets its
// own (mtu_expires), so that a way that has become wider is used again.

import type { BpfMap } from '../../kernel/bpf/map.ts'
import { layouts } from './abi.ts'
import { indexKey } from './values.ts'

const EXPIRES_MS = 600_000

export class LoweredMtus {
  readonly #paths: BpfMap
  /** BOUNDED by the paths: when each lowered one was first seen so. */
  readonly #since = new Map<number, number>()

  constructor(paths: BpfMap) {
    this.#paths = paths
  }

  /** @param written what the plan says of each path in a tunnel, by index */
  expire(written: ReadonlyMap<number, Buffer>, nowMs: number): void {
    const { at } = layouts.path.mtu_bytes
    for (const [index, value] of written) {
      const standing = this.#paths.lookup(indexKey(index))
      if (!standing || standing.readUInt32LE(at) >= value.readUInt32LE(at)) {
        this.#since.delete(index)
        continue
      }
      const since = this.#since.get(index) ?? nowMs
      this.#since.set(index, since)
      if (nowMs - since < EXPIRES_MS) continue
      this.#paths.update(indexKey(index), value)
      this.#since.delete(index)
    }
    for (const index of this.#since.keys()) if (!written.has(index)) this.#since.delete(index)
  }
}
