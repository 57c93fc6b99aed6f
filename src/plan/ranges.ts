// Which node has which pod range. Two nodes that claim overlapping ranges would steal each other's packets, so the
// later claim is left out and named; so is one that covers the nodes' own network. Everything else works. PURE.

import { type Cidr, cidrBounds, cidrContains, cidrFamily, cidrLength, cidrsOverlap } from '../base/cidr.ts'
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
  const claims = ordered.flatMap((node, rank) =>
    node.podCidrs.flatMap((cidr): Claim[] => {
      const other = underlay(cidr, node, uplink)
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
 * What of the nodes' network a pod range would take away, in words: a whole segment, an address of this node, or one of
 * the node that claims it. A range that is a part of a wide segment with no such address in it is usual and does no
 * harm. Addresses of third nodes do not count: a node may write any address into its own Node object.
 */
function underlay(cidr: Cidr, node: NodeRow, uplink: Uplink | undefined): string | undefined {
  const rows = uplink?.addresses ?? []
  const segment = rows
    .map(addressRange)
    .find((s) => cidrLength(cidr) <= cidrLength(s) && cidrsOverlap(s, cidr))
  const own = rows.find(({ ip }) => cidrContains(cidr, ip))
  if (own) return `the address ${own.ip} on ${uplink?.name}`
  if (segment !== undefined) return `${segment} on ${uplink?.name}`
  const its = node.addresses.find((ip) => cidrContains(cidr, ip))
  return its === undefined ? undefined : `the address ${its} of node ${node.name}`
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
