// Gives each new Node its pod ranges out of the cluster's, one of each family, as kube-controller-manager does. A
// range is free again when its Node is gone; ranges that Nodes brought along are respected.

import {
  type Cidr,
  cidrBounds,
  cidrFamily,
  cidrLength,
  cidrNetwork,
  cidrOf,
  cidrsOverlap,
  parseCidr,
} from '../../base/cidr.ts'
import { bitsOf, ipFromBig, ipToBig } from '../../base/ip.ts'
import type { Log } from '../../base/log.ts'
import { err, fault, ok, type Result } from '../../base/result.ts'
import { listAt, objectAt, textAt } from './json.ts'
import { nodes } from './kinds/node.ts'
import type { KubeObject } from './object.ts'
import type { Store } from './store.ts'

export type ClusterRange = {
  readonly cidr: Cidr
  /** Prefix length of one node's range, e.g. 24 or 64. */
  readonly nodeLength: number
}

/** The first refused range as a fault; undefined when all can be divided. */
export function checkRanges(ranges: readonly ClusterRange[]): Result<void> {
  for (const { cidr, nodeLength } of ranges) {
    const most = bitsOf(cidrFamily(cidr))
    if (nodeLength >= cidrLength(cidr) && nodeLength <= most) continue
    const wanted = `a node length from ${cidrLength(cidr)} to ${most}`
    return fault('bad-range', `cluster range ${cidr}`, wanted, String(nodeLength), 'correct the length')
  }
  return ok(undefined)
}

export function startNodeRanges(
  store: Store,
  ranges: readonly ClusterRange[],
  log: Log,
): { readonly close: () => void } {
  const pools = ranges.map(createPool)

  const see = (node: KubeObject): void => {
    const own = rangesOf(node)
    for (const pool of pools) for (const cidr of own) pool.take(cidr)
    if (own.length > 0 || pools.length === 0) return
    const given = pools.map((pool) => pool.give())
    const podCIDRs = given.flatMap((cidr) => cidr ?? [])
    if (podCIDRs.length < given.length) {
      for (const [i, cidr] of given.entries()) if (cidr) pools[i]?.free(cidr)
      log.warn({ node: node.metadata.name }, 'no pod range left for the node')
      return
    }
    store.update(nodes, '', node.metadata.name, (current) =>
      rangesOf(current).length > 0
        ? ok(current)
        : ok({ ...current, spec: { ...objectAt(current, 'spec'), podCIDR: podCIDRs[0], podCIDRs } }),
    )
  }

  // First those that have ranges, so that nobody gets a range that another one already has.
  const present = store.list(nodes)
  for (const node of present.filter((n) => rangesOf(n).length > 0)) see(node)
  for (const node of present.filter((n) => rangesOf(n).length === 0)) see(node)
  const stop = store.watch(nodes, undefined, ({ type, object }) => {
    if (type !== 'DELETED') see(object)
    else for (const pool of pools) for (const cidr of rangesOf(object)) pool.free(cidr)
  })
  return { close: () => (stop.ok ? stop.value() : undefined) }
}

/** The ranges of the Node that can be read; others are no concern of the pools. */
export function rangesOf(node: KubeObject): readonly Cidr[] {
  const all = listAt(node, 'spec', 'podCIDRs')
  const texts = all.length > 0 ? all : [textAt(node, 'spec', 'podCIDR')]
  return texts.flatMap((text) => {
    const cidr = typeof text === 'string' ? parseCidr(text) : err(undefined)
    return cidr.ok ? [cidr.value] : []
  })
}

type Pool = {
  readonly give: () => Cidr | undefined
  readonly take: (cidr: Cidr) => void
  readonly free: (cidr: Cidr) => void
}

function createPool({ cidr: cluster, nodeLength }: ClusterRange): Pool {
  const family = cidrFamily(cluster)
  const slots = 1n << BigInt(nodeLength - cidrLength(cluster))
  const step = 1n << BigInt(bitsOf(family) - nodeLength)
  const base = ipToBig(cidrNetwork(cluster))
  // BOUNDED by the Nodes with a range.
  const used = new Set<bigint>()
  let next = 0n

  /** Slots that a range touches; a larger one takes several. */
  const slotsOf = (cidr: Cidr): readonly bigint[] => {
    if (!cidrsOverlap(cluster, cidr)) return []
    const { first, last } = cidrBounds(cidr)
    const from = first < base ? 0n : (first - base) / step
    const to = (last - base) / step
    const out: bigint[] = []
    for (let slot = from; slot <= to && slot < slots && out.length < MOST_SLOTS; slot++) out.push(slot)
    return out
  }
  return {
    take: (cidr) => {
      for (const slot of slotsOf(cidr)) used.add(slot)
    },
    free: (cidr) => {
      for (const slot of slotsOf(cidr)) used.delete(slot)
    },
    give: () => {
      // Round and round, so that a range just freed is the last to be given again.
      for (let tried = 0n; tried < slots && tried <= BigInt(used.size); tried++) {
        const slot = next
        next = (next + 1n) % slots
        if (used.has(slot)) continue
        used.add(slot)
        return cidrOf(ipFromBig(base + slot * step, family), nodeLength)
      }
      return undefined
    },
  }
}

/** A foreign range that is huge against the node ranges is not followed to its end. */
const MOST_SLOTS = 65_536
