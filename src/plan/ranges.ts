// Which node has which pod range. Two nodes that claim overlapping ranges would steal each other's packets, so the
// later claim is left out and named; so is one that covers the nodes' own network. Everything else works. PURE.

import { type Cidr, cidrBounds, cidrContains, cidrFamily, cidrLength, cidrsOverlap } from '../base/cidr.ts'
import { bitsOf, familyOf, type Ip, ipToBig } from '../base/ip.ts'
import type { Fault } from '../base/result.ts'
import { addressRange } from '../kernel/netlink/address.ts'
import type { NodeRow } from '../state/rows.ts'
import type { Uplink } from './uplink.ts'

export type Claims = {
  /** Ranges by node name, conflicts left out. */
  readonly ranges: ReadonlyMap<string, readonly Cidr[]>
  readonly complaints: readonly Fault[]
}

type Claim = {
  readonly node: string
  readonly cidr: Cidr
  readonly first: bigint
  readonly last: bigint
  readonly rank: number
}

/** This node's own claim counts first: its pods already live there. Then the order of names, the same everywhere. */
export function settleClaims(nodes: readonly NodeRow[], selfName: string, uplink?: Uplink): Claims {
  const complaints: Fault[] = []
  const ordered = [...nodes].sort(
    (a, b) => rankOf(a, selfName) - rankOf(b, selfName) || compare(a.name, b.name),
  )
  const blocked = underlay(ordered, uplink)
  const claims = ordered.flatMap((node, rank) =>
    node.podCidrs.flatMap((cidr): Claim[] => {
      const other = blocked(cidr)
      if (other === undefined) return [{ node: node.name, cidr, rank, ...cidrBounds(cidr) }]
      complaints.push(underlayFault(node.name, cidr, other))
      return []
    }),
  )
  const refused = overlaps(claims)
  const ranges = new Map<string, Cidr[]>(ordered.map((n) => [n.name, []]))
  for (const claim of claims) {
    const winner = refused.get(claim)
    if (winner) complaints.push(overlapFault(claim, winner))
    else ranges.get(claim.node)?.push(claim.cidr)
  }
  for (const node of ordered) if (node.podCidrs.length === 0) complaints.push(missingFault(node.name))
  return { ranges, complaints }
}

const rankOf = (node: NodeRow, selfName: string): number => (node.name === selfName ? 0 : 1)
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/**
 * Of a pod range: what of the nodes' network it overlaps, in words. A route for such a range would take the packets
 * for the nodes themselves. Of an uplink's address without a segment (/32, /128) only the address counts.
 */
function underlay(nodes: readonly NodeRow[], uplink: Uplink | undefined): (cidr: Cidr) => string | undefined {
  const rows = uplink?.addresses ?? []
  const segments = rows.map(addressRange).filter((c) => cidrLength(c) < bitsOf(cidrFamily(c)))
  const held = new Map<Ip, string>(rows.map(({ ip }) => [ip, `on ${uplink?.name}`]))
  for (const n of nodes) for (const ip of n.addresses) if (!held.has(ip)) held.set(ip, `of node ${n.name}`)
  // Sorted, for a thousand ranges each look for their first among thousands of addresses.
  const addresses = ([4, 6] as const).map((family) =>
    [...held.keys()]
      .filter((ip) => familyOf(ip) === family)
      .map((ip) => ({ ip, value: ipToBig(ip) }))
      .sort((a, b) => (a.value < b.value ? -1 : 1)),
  )
  return (cidr) => {
    const segment = segments.find((s) => cidrsOverlap(s, cidr))
    if (segment !== undefined) return `${segment} on ${uplink?.name}`
    const first = firstFrom(addresses[cidrFamily(cidr) === 4 ? 0 : 1] ?? [], cidrBounds(cidr).first)
    return first && cidrContains(cidr, first.ip) ? `the address ${first.ip} ${held.get(first.ip)}` : undefined
  }
}

/** The first of the sorted items that is not below `from`. */
function firstFrom<T extends { readonly value: bigint }>(items: readonly T[], from: bigint): T | undefined {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((items[middle]?.value ?? from) < from) low = middle + 1
    else high = middle
  }
  return items[low]
}

/** Each refused claim with the one that it lost to. Sorted by start, a claim can only overlap those still open. */
function overlaps(claims: readonly Claim[]): Map<Claim, Claim> {
  const refused = new Map<Claim, Claim>()
  for (const family of [4, 6] as const) {
    const sorted = claims
      .filter((c) => cidrFamily(c.cidr) === family)
      .sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : a.rank - b.rank))
    let open: Claim[] = []
    for (const claim of sorted) {
      open = open.filter((o) => o.last >= claim.first && !refused.has(o))
      for (const other of open) {
        if (!cidrsOverlap(other.cidr, claim.cidr) || refused.has(claim)) continue
        if (other.rank <= claim.rank) refused.set(claim, other)
        else refused.set(other, claim)
      }
      if (!refused.has(claim)) open.push(claim)
    }
  }
  return refused
}

const overlapFault = (loser: Claim, winner: Claim): Fault => ({
  kind: 'range-overlap',
  object: `node ${loser.node}`,
  wanted: 'a pod range of its own',
  found: `${loser.cidr}, which overlaps ${winner.cidr} of node ${winner.node}`,
  next: `the range of ${loser.node} is left out; give the node another podCIDR`,
})

const underlayFault = (node: string, cidr: Cidr, other: string): Fault => ({
  kind: 'range-underlay',
  object: `node ${node}`,
  wanted: "a pod range apart from the nodes' network",
  found: `${cidr}, which overlaps ${other}`,
  next: `the range is left out; give ${node} another podCIDR, or another ipam.ranges where its config names one`,
})

const missingFault = (node: string): Fault => ({
  kind: 'range-missing',
  object: `node ${node}`,
  wanted: 'a pod range (spec.podCIDRs)',
  found: 'none',
  next: 'run the controller manager with --allocate-node-cidrs, or set podCIDR on the node',
})
