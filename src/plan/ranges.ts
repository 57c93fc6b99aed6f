// Which node has which pod range. Two nodes that claim overlapping ranges would steal each other's packets, so the
// later claim is left out and named; everything else works. PURE.

import { type Cidr, cidrBounds, cidrFamily, cidrsOverlap } from '../base/cidr.ts'
import type { Fault } from '../base/result.ts'
import type { NodeRow } from '../state/rows.ts'

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
export function settleClaims(nodes: readonly NodeRow[], selfName: string): Claims {
  const complaints: Fault[] = []
  const ordered = [...nodes].sort(
    (a, b) => rankOf(a, selfName) - rankOf(b, selfName) || compare(a.name, b.name),
  )
  const claims: Claim[] = ordered.flatMap((node, rank) =>
    node.podCidrs.map((cidr) => ({ node: node.name, cidr, rank, ...cidrBounds(cidr) })),
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

const missingFault = (node: string): Fault => ({
  kind: 'range-missing',
  object: `node ${node}`,
  wanted: 'a pod range (spec.podCIDRs)',
  found: 'none',
  next: 'run the controller manager with --allocate-node-cidrs, or set podCIDR on the node',
})
