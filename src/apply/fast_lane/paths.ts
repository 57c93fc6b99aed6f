// Paths, next hops and ranges in the programs' maps. Flows hold a path by its index, so a path keeps it for life, over
// restarts too: what a range leads to in the kernel is the record of it.

import type { Cidr } from '../../base/cidr.ts'
import { systemClock } from '../../base/clock.ts'
import type { Ip } from '../../base/ip.ts'
import type { Fault } from '../../base/result.ts'
import type { BpfMap } from '../../kernel/bpf/map.ts'
import type { FastHop, FastLanePlan, FastPath } from '../../plan/fast_lane.ts'
import type { Applied, ApplyOptions } from '../fast_lane_contract.ts'
import { hopState, lane, layouts, PATH_LOCAL } from './abi.ts'
import type { Epochs } from './epochs.ts'
import { LoweredMtus } from './lowered_mtus.ts'
import { herePath, pathValue } from './path_value.ts'
import { Table } from './table.ts'
import { addressKey, indexKey, neighbourValue, rangeKey } from './values.ts'

export type PathMaps = {
  readonly paths: BpfMap
  readonly path_counts: BpfMap
  readonly hops: BpfMap
  readonly neighbours: BpfMap
  readonly ranges: BpfMap
  readonly tunnels: BpfMap
}

/** Next hops of one look at the plan, with their indexes. */
type Hops = Map<Ip, readonly [index: number, hop: FastHop]>
type Here = Pick<FastLanePlan, 'lane' | 'mtuBytes' | 'own'>

export class PathTable {
  readonly #maps: PathMaps
  readonly #epochs: Epochs
  readonly #ranges: Table
  readonly #neighbours: Table
  readonly #tunnels: Table
  readonly #lowered: LoweredMtus
  /** BOUNDED by the map. What was last written at each index. */
  readonly #written = new Map<number, Buffer>()
  /** BOUNDED by the paths of a cluster. */
  readonly #indexes = new Map<string, number>()
  /** Ranges by the bytes of their keys: what to raise when one goes. */
  readonly #cidrs = new Map<string, Cidr>()

  constructor(maps: PathMaps, epochs: Epochs) {
    this.#maps = maps
    this.#epochs = epochs
    this.#ranges = new Table(maps.ranges)
    this.#neighbours = new Table(maps.neighbours)
    this.#tunnels = new Table(maps.tunnels)
    this.#lowered = new LoweredMtus(maps.paths)
  }

  indexOf(path: FastPath): number | undefined {
    return this.#indexes.get(path.key)
  }

  /** Tells of a path whether a program has seen another MAC of its next hop, and nobody had put it right by now. */
  moved(): (path: FastPath) => boolean {
    const hopOf = (neighbour: Buffer): number => neighbour.readUInt32LE(layouts.neighbour.hop.at)
    const count = this.#neighbours.values().reduce((most, value) => Math.max(most, hopOf(value) + 1), 0)
    const { at } = layouts.hop.state
    const states = this.#maps.hops.readArray(count, (bytes, from) => bytes.readUInt32LE(from + at))
    return ({ hop }) => {
      const neighbour = hop && this.#neighbours.get(addressKey(hop.ip))
      return neighbour !== undefined && states[hopOf(neighbour)] === hopState.HOP_MOVED
    }
  }

  /** @param again next hops that a program has called moved are believed again if the kernel still says the same */
  apply(plan: Here & { readonly paths: readonly FastPath[] }, options: ApplyOptions): Applied {
    const { paths } = plan
    const changes: string[] = []
    const faults: Fault[] = []
    const switched: Cidr[] = []
    const hops: Hops = new Map()
    const taken = new Set(this.#indexes.values())
    const free = { path: this.#freePaths(taken), hop: this.#freeHops() }
    if (this.#writePath(PATH_LOCAL, herePath(plan.lane, plan.mtuBytes)) === 'lane') switched.push(...plan.own)
    for (const path of paths) {
      const index = this.#claim(path, taken, free.path)
      if (index === undefined) {
        faults.push(fullFault(path))
        continue
      }
      const hop = path.hop ? this.#hop(path.hop, hops, free.hop) : 0
      const written = this.#writePath(index, pathValue(path, hop))
      if (path.kind === 'vxlan') this.#tunnels.set(addressKey(path.address), indexKey(index))
      if (written) changes.push(`fast lane: path to ${path.peer}`)
      if (written === 'lane') switched.push(...path.ranges)
      for (const range of path.ranges) this.#lead(range, index, changes, faults)
    }
    // Last: until every path has its new header, those through a hop that has moved stay plain.
    for (const [index, hop] of hops.values()) this.#believe(index, hop, options.again)
    if (options.again) this.#lowered.expire(this.#tunnelPaths(paths), systemClock.nowMs())
    if (options.sweep) changes.push(...this.#remove(paths))
    return { changes, faults, switched }
  }

  #tunnelPaths(paths: readonly FastPath[]): ReadonlyMap<number, Buffer> {
    const indexes = paths.flatMap((p) => (p.kind === 'vxlan' ? (this.#indexes.get(p.key) ?? []) : []))
    return new Map(indexes.map((i) => [i, this.#written.get(i) ?? Buffer.alloc(layouts.path.size)]))
  }

  #claim(path: FastPath, taken: Set<number>, free: Iterator<number>): number | undefined {
    const known = this.#indexes.get(path.key)
    if (known !== undefined) return known
    const recorded = path.ranges.map((r) => this.#ranges.get(rangeKey(r))?.readUInt32LE(0))
    const index =
      recorded.find((i) => i !== undefined && !taken.has(i) && this.#leadsTo(i, path)) ?? free.next().value
    if (index === undefined) return undefined
    this.#indexes.set(path.key, index)
    taken.add(index)
    return index
  }

  /** While no agent ran a range may have come to another node: the index is the old one's. */
  #leadsTo(index: number, path: FastPath): boolean {
    const { at, count } = layouts.path.peer
    const standing = this.#maps.paths.lookup(indexKey(index))
    return standing?.subarray(at, at + count).equals(addressKey(path.address)) ?? false
  }

  /** Those that neither a path nor a range of the kernel's record has; `taken` may grow meanwhile. */
  *#freePaths(taken: ReadonlySet<number>): Generator<number, undefined> {
    const recorded = new Set(this.#ranges.values().map((value) => value.readUInt32LE(0)))
    for (let i = PATH_LOCAL + 1; i < this.#maps.paths.spec.maxEntries; i++) {
      if (taken.has(i) || recorded.has(i)) continue
      this.#maps.path_counts.update(indexKey(i), Buffer.alloc(this.#maps.path_counts.valueBytes))
      yield i
    }
    return undefined
  }

  /**
   * In place, so that no packet meets half a header: the path is plain meanwhile.
   * @returns what changed: its lane, or something else
   */
  #writePath(index: number, value: Buffer): 'lane' | 'header' | undefined {
    const key = indexKey(index)
    const old = this.#written.get(index) ?? this.#maps.paths.lookup(key)
    this.#written.set(index, value)
    if (old?.equals(value)) return undefined
    if (old && !withLane(old, lane.LANE_PLAIN).equals(withLane(value, lane.LANE_PLAIN))) {
      this.#maps.paths.update(key, withLane(old, lane.LANE_PLAIN))
      this.#maps.paths.update(key, withLane(value, lane.LANE_PLAIN))
    }
    this.#maps.paths.update(key, value)
    const { at } = layouts.path.lane
    return old?.readUInt32LE(at) === value.readUInt32LE(at) ? 'header' : 'lane'
  }

  #hop(hop: FastHop, hops: Hops, free: Iterator<number, never>): number {
    const known = hops.get(hop.ip)
    if (known) return known[0]
    const neighbour = this.#neighbours.get(addressKey(hop.ip))
    const index = neighbour?.readUInt32LE(layouts.neighbour.hop.at) ?? free.next().value
    hops.set(hop.ip, [index, hop])
    return index
  }

  #believe(index: number, hop: FastHop, again: boolean): void {
    const changed = this.#neighbours.set(addressKey(hop.ip), neighbourValue(index, hop.mac)) === true
    if (changed || again) this.#maps.hops.update(indexKey(index), goodHop())
  }

  *#freeHops(): Generator<number, never> {
    const taken = new Set(
      this.#neighbours.values().map((value) => value.readUInt32LE(layouts.neighbour.hop.at)),
    )
    for (let i = 1; ; i++) if (!taken.has(i)) yield i
  }

  #lead(range: Cidr, index: number, changes: string[], faults: Fault[]): void {
    const key = rangeKey(range)
    this.#cidrs.set(key.toString('latin1'), range)
    const written = this.#ranges.set(key, indexKey(index))
    if (written === false) return
    if (written !== true) {
      faults.push(written)
      return
    }
    // Rules first, epoch after: what was decided before holds no longer.
    this.#epochs.raiseRange(range)
    changes.push(`fast lane: range ${range}`)
  }

  #remove(paths: readonly FastPath[]): string[] {
    const changes: string[] = []
    const wanted = new Set(paths.flatMap((p) => p.ranges).map((r) => rangeKey(r).toString('latin1')))
    for (const key of this.#ranges.keys()) {
      const name = key.toString('latin1')
      if (wanted.has(name)) continue
      this.#ranges.delete(key)
      const range = this.#cidrs.get(name)
      if (range) this.#epochs.raiseRange(range)
      else this.#epochs.raiseAll()
      this.#cidrs.delete(name)
      changes.push(`fast lane: no range ${range ?? 'of before'}`)
    }
    const keys = new Set(paths.map((p) => p.key))
    for (const [key, index] of this.#indexes) {
      if (keys.has(key)) continue
      this.#writePath(index, Buffer.alloc(layouts.path.size))
      this.#indexes.delete(key)
      this.#written.delete(index)
    }
    keepOnly(
      this.#neighbours,
      paths.flatMap((p) => (p.hop ? [p.hop.ip] : [])),
    )
    keepOnly(
      this.#tunnels,
      paths.filter((p) => p.kind === 'vxlan').map((p) => p.address),
    )
    return changes
  }
}

function keepOnly(table: Table, ips: readonly Ip[]): void {
  const wanted = new Set(ips.map((ip) => addressKey(ip).toString('latin1')))
  for (const key of table.keys()) if (!wanted.has(key.toString('latin1'))) table.delete(key)
}

function withLane(value: Buffer, number: number): Buffer {
  const out = Buffer.from(value)
  out.writeUInt32LE(number, layouts.path.lane.at)
  return out
}

function goodHop(): Buffer {
  const out = Buffer.alloc(layouts.hop.size)
  out.writeUInt32LE(hopState.HOP_GOOD, layouts.hop.state.at)
  return out
}

const fullFault = (path: FastPath): Fault => ({
  kind: 'fast-lane',
  object: `path to ${path.peer}`,
  wanted: 'a place in the table of paths',
  found: 'it is full',
  next: 'its pods are reached by the plain lane',
})
