// Which address a new pod gets. In use is what exists on interfaces; this only remembers what was handed out in this
// moment and what was freed a little while ago. Nothing here is stored: the kernel is asked again at every start.

import { type Cidr, cidrBounds, cidrContains, cidrFamily } from '../base/cidr.ts'
import { type Family, familyOf, type Ip, ipFromBig, ipToBig } from '../base/ip.ts'
import type { Fault } from '../base/result.ts'
import { err, fault, ok, type Result } from '../base/result.ts'

export type PoolView = {
  /** The node's ranges, at most one of each family. */
  readonly ranges: readonly Cidr[]
  /** On an interface now, being deleted included. */
  readonly inUse: (ip: Ip) => boolean
  /** Held by a living pod in the API though its interface is gone. */
  readonly held: (ip: Ip) => boolean
}

export type RangeCount = {
  readonly cidr: Cidr
  /** As a number for people; beyond 2^53 it is approximate. */
  readonly size: number
  readonly used: number
  readonly coolingDown: number
  readonly free: number
}

/** Network address, the tunnel's address, and for IPv4 the broadcast address. */
const RESERVED_FIRST = 2n
const bounds = (cidr: Cidr): { first: bigint; last: bigint } => {
  const { first, last } = cidrBounds(cidr)
  return { first: first + RESERVED_FIRST, last: cidrFamily(cidr) === 4 ? last - 1n : last }
}

export class AddressPool {
  /** BOUNDED by the addresses freed within the cool-down. Value: end in ms since the epoch. */
  readonly #cooling = new Map<Ip, number>()
  /** BOUNDED by the ADDs under way. */
  readonly #reserved = new Set<Ip>()
  readonly #cursor = new Map<Family, bigint>()
  /** What was in use or resting at the start: the range goes on behind it. BOUNDED by the addresses of that moment. */
  #former: readonly Ip[] = []
  readonly #coolDownMs: number
  readonly #nowMs: () => number

  constructor(coolDownMs: number, nowMs: () => number) {
    this.#coolDownMs = coolDownMs
    this.#nowMs = nowMs
  }

  /** One address of each of the node's families, reserved until `release`. */
  choose(view: PoolView): Result<readonly Ip[]> {
    if (view.ranges.length === 0) return noRange()
    const chosen: Ip[] = []
    for (const cidr of view.ranges) {
      const ip = this.#next(cidr, view)
      if (ip === undefined) {
        this.release(chosen)
        return this.#exhausted(cidr, view)
      }
      this.#reserved.add(ip)
      chosen.push(ip)
    }
    return ok(chosen)
  }

  /** The addresses asked for, reserved until `release`, if they are the node's, nobody has them and none rests. */
  claim(ips: readonly Ip[], view: PoolView): Result<readonly Ip[]> {
    for (const ip of ips) {
      const cidr = view.ranges.find((r) => cidrContains(r, ip))
      if (!cidr)
        return this.#refused(ip, `in this node's ranges ${view.ranges.join(', ') || '(none yet)'}`, 'outside')
      const { first, last } = bounds(cidr)
      const reserved =
        ip === ipFromBig(first - 1n, familyOf(ip)) || ip === ipFromBig(first - 2n, familyOf(ip))
      if (reserved || (familyOf(ip) === 4 && ip === ipFromBig(last + 1n, 4))) {
        return this.#refused(ip, 'an address for pods', 'network, tunnel or broadcast address')
      }
      if (view.inUse(ip) || this.#reserved.has(ip)) return this.#refused(ip, 'a free address', 'one in use')
      if (view.held(ip)) return this.#refused(ip, 'a free address', 'one that a living pod of the API has')
      if (this.isCooling(ip)) return this.#resting(ip)
    }
    for (const ip of ips) this.#reserved.add(ip)
    return ok(ips)
  }

  /** ADD is over: the address is in use now, or free after a failure. */
  release(ips: readonly Ip[]): void {
    for (const ip of ips) this.#reserved.delete(ip)
  }

  /** After a restart: the choice goes on behind the highest of these in each range, not at the range's first address. */
  startAfter(ips: readonly Ip[]): void {
    this.#former = ips
  }

  /** @param remainingMs as read back from the kernel after a restart; the whole cool-down if not given */
  cool(ip: Ip, remainingMs = this.#coolDownMs): void {
    if (remainingMs > 0) this.#cooling.set(ip, this.#nowMs() + remainingMs)
  }

  isCooling(ip: Ip): boolean {
    const end = this.#cooling.get(ip)
    if (end === undefined) return false
    if (end > this.#nowMs()) return true
    this.#cooling.delete(ip)
    return false
  }

  /** @param inUse all addresses on interfaces, with those that the API holds */
  counts(ranges: readonly Cidr[], inUse: ReadonlySet<Ip>): RangeCount[] {
    for (const ip of [...this.#cooling.keys()]) this.isCooling(ip)
    return ranges.map((cidr) => {
      const { first, last } = bounds(cidr)
      const size = Math.max(0, Number(last - first + 1n))
      const inside = (ip: Ip): boolean => cidrContains(cidr, ip)
      const used = new Set([...inUse, ...this.#reserved].filter(inside)).size
      const coolingDown = [...this.#cooling.keys()].filter((ip) => inside(ip) && !inUse.has(ip)).length
      return { cidr, size, used, coolingDown, free: Math.max(0, size - used - coolingDown) }
    })
  }

  /** Round the range, so that a freed address comes again as late as can be. */
  #next(cidr: Cidr, view: PoolView): Ip | undefined {
    const { first, last } = bounds(cidr)
    const family = cidrFamily(cidr)
    const size = last - first + 1n
    if (size <= 0n) return undefined
    const start = this.#cursor.get(family) ?? this.#behindFormer(cidr) ?? first
    // A range larger than this has a free address among so many, or something else is wrong.
    const steps = size < 1n << 20n ? size : 1n << 20n
    for (let i = 0n; i < steps; i++) {
      const value = first + ((((start - first + i) % size) + size) % size)
      const ip = ipFromBig(value, family)
      if (this.#reserved.has(ip) || view.inUse(ip) || view.held(ip) || this.isCooling(ip)) continue
      this.#cursor.set(family, value + 1n)
      return ip
    }
    return undefined
  }

  #behindFormer(cidr: Cidr): bigint | undefined {
    const inside = this.#former.filter((ip) => cidrContains(cidr, ip)).map(ipToBig)
    const highest = inside.sort((a, b) => (a < b ? -1 : 1)).at(-1)
    return highest === undefined ? undefined : highest + 1n
  }

  #exhausted(cidr: Cidr, view: PoolView): Result<never> {
    const { first, last } = bounds(cidr)
    let used = 0
    let held = 0
    let cooling = 0
    for (let value = first; value <= last && value - first < 1n << 16n; value++) {
      const ip = ipFromBig(value, cidrFamily(cidr))
      if (view.inUse(ip) || this.#reserved.has(ip)) used++
      else if (view.held(ip)) held++
      else if (this.isCooling(ip)) cooling++
    }
    return fault(
      'range-exhausted',
      `pod range ${cidr}`,
      'a free address',
      `${used} in use, ${held} held by pods whose interface is gone, ${cooling} cooling down, of ${last < first ? 0n : last - first + 1n}`,
      cooling > 0
        ? 'wait for the cool-down, or give the node a larger podCIDR'
        : 'give the node a larger podCIDR',
    )
  }

  #resting(ip: Ip): Result<never> {
    const seconds = Math.ceil(((this.#cooling.get(ip) ?? 0) - this.#nowMs()) / 1000)
    const found = `one that cools down for another ${seconds} s`
    return this.#refused(ip, 'a free address', found, `ask again in ${seconds} s, or for another address`)
  }

  #refused(
    ip: Ip,
    wanted: string,
    found: string,
    next = 'ask for another address, or for none',
  ): Result<never> {
    return fault('address-unavailable', `address ${ip}`, wanted, found, next)
  }
}

const noRange = (): { ok: false; error: Fault } =>
  err({
    kind: 'try-again',
    object: 'this node',
    wanted: 'a pod range',
    found: 'none: the API has not been heard yet, or the Node has no podCIDR',
    next: 'see «podlane status»; the call is right to be made again',
  })
