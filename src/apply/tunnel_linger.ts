// How long a tunnel device stays that this node needs no more. Two nodes change their ways at different times, and the
// other end may still send into it; and after a start this node does not know yet what it had found out before.

import type { LinkRow } from '../kernel/netlink/link.ts'
import { VXLAN_GROUP } from '../plan/ownership.ts'

/** Within this a sick path is found again. */
const AFTER_START_MS = 180_000

export class TunnelLinger {
  readonly #lingerMs: number
  readonly #nowMs: () => number
  #untilMs: number

  /** @param nowMs of a clock that nobody sets */
  constructor(lingerMs: number, nowMs: () => number) {
    this.#lingerMs = lingerMs
    this.#nowMs = nowMs
    this.#untilMs = nowMs() + Math.min(lingerMs, AFTER_START_MS)
  }

  needed(): void {
    this.#untilMs = this.#nowMs() + this.#lingerMs
  }

  /** 0: it may go. */
  get leftMs(): number {
    return Math.max(0, this.#untilMs - this.#nowMs())
  }

  /** Nothing comes in by a device that is down. */
  keeps(device: LinkRow | undefined): boolean {
    return device?.up === true && device.group === VXLAN_GROUP && this.leftMs > 0
  }
}
