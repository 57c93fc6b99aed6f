// The plan of a lab: which nodes on which segments with which addresses, the router between them and the world
// outside. Pure: options in, names and numbers out; underlay.ts makes it.

import { type Cidr, cidrAddress, cidrLength, parseCidr } from '../base/cidr.ts'
import type { Family, Ip } from '../base/ip.ts'
import { fault, must, ok, type Result } from '../base/result.ts'

export type Families = 'ipv4' | 'ipv6' | 'dual'

export type TopologyOptions = {
  readonly nodes: number
  /** L2 segments, joined by one router. */
  readonly segments: number
  readonly families: Families
  /** Of every link of the underlay. */
  readonly mtuBytes: number
}

/** An address with the length of the range that it is in. */
export type PlacedAddress = { readonly ip: Ip; readonly prefixLength: number }

export type Segment = {
  /** Its bridge in the hub. */
  readonly name: string
  /** The router's addresses: the first of each range. */
  readonly gateways: readonly PlacedAddress[]
}

export type LabNode = {
  readonly name: string
  readonly segment: string
  readonly addresses: readonly PlacedAddress[]
  /** The segment's router, one of each family. */
  readonly gateways: readonly Ip[]
}

export type Topology = {
  readonly mtuBytes: number
  readonly families: readonly Family[]
  readonly segments: readonly Segment[]
  readonly nodes: readonly LabNode[]
  /** A network that is no part of the cluster: the router's side and the server's. */
  readonly outside: {
    readonly gateways: readonly PlacedAddress[]
    readonly addresses: readonly PlacedAddress[]
  }
  /** Out of which Nodes get their pod ranges. */
  readonly clusterRanges: readonly { readonly cidr: Cidr; readonly nodeLength: number }[]
  readonly serviceRanges: readonly Cidr[]
  /** Where the nodes find the API server: the first segment's router. */
  readonly apiServer: readonly Ip[]
}

/** Where the nodes reach the API server. */
export const API_PORT = 6443

/** A segment's addresses from .11 on are nodes. */
const FIRST_NODE = 11n
const MOST_NODES = 100
const MOST_SEGMENTS = 20

const range = (text: string): Cidr => must(parseCidr(text))
/** Outside: ranges that RFC 5737 and RFC 3849 keep for documentation; inside: private and unique local ones. */
const OUTSIDE = { 4: range('198.51.100.0/24'), 6: range('2001:db8:100::/64') } as const
const CLUSTER = {
  4: { cidr: range('10.244.0.0/16'), nodeLength: 24 },
  6: { cidr: range('fd00:10:244::/48'), nodeLength: 64 },
} as const
const SERVICES = { 4: range('10.96.0.0/16'), 6: range('fd00:10:96::/112') } as const
const segmentRange = (family: Family, number: number): Cidr =>
  range(family === 4 ? `10.90.${number}.0/24` : `fd90:0:0:${number}::/64`)

const place = (cidr: Cidr, n: bigint): PlacedAddress => ({
  ip: cidrAddress(cidr, n),
  prefixLength: cidrLength(cidr),
})

export function planTopology(options: TopologyOptions): Result<Topology> {
  const bad = outOfBounds(options)
  if (bad) return bad
  const families: readonly Family[] =
    options.families === 'dual' ? [4, 6] : options.families === 'ipv6' ? [6] : [4]
  const segments = Array.from({ length: options.segments }, (_, i) => ({
    name: `segment${i + 1}`,
    ranges: families.map((family) => segmentRange(family, i + 1)),
  }))
  const nodes = Array.from({ length: options.nodes }, (_, i): LabNode => {
    // Neighbours share a segment, and every segment gets a node.
    const at = Math.floor((i * options.segments) / options.nodes)
    const segment = segments[at]
    if (!segment) throw new Error(`no segment ${at}`)
    const first = Math.ceil((at * options.nodes) / options.segments)
    return {
      name: `node${i + 1}`,
      segment: segment.name,
      addresses: segment.ranges.map((cidr) => place(cidr, FIRST_NODE + BigInt(i - first))),
      gateways: segment.ranges.map((cidr) => cidrAddress(cidr, 1n)),
    }
  })
  return ok({
    mtuBytes: options.mtuBytes,
    families,
    segments: segments.map(({ name, ranges }) => ({ name, gateways: ranges.map((cidr) => place(cidr, 1n)) })),
    nodes,
    outside: {
      gateways: families.map((family) => place(OUTSIDE[family], 1n)),
      addresses: families.map((family) => place(OUTSIDE[family], 2n)),
    },
    clusterRanges: families.map((family) => CLUSTER[family]),
    serviceRanges: families.map((family) => SERVICES[family]),
    apiServer: families.map((family) => cidrAddress(segmentRange(family, 1), 1n)),
  })
}

/** The range's family has a default route of this text. */
export const defaultRouteOf = (family: Family): Cidr => range(family === 4 ? '0.0.0.0/0' : '::/0')

function outOfBounds(options: TopologyOptions): ReturnType<typeof fault> | undefined {
  const limits = [
    ['nodes', options.nodes, 1, MOST_NODES],
    ['segments', options.segments, 1, Math.min(options.nodes, MOST_SEGMENTS)],
    // IPv6 asks for 1,280 inside of the tunnel too.
    ['mtu', options.mtuBytes, 1400, 65_000],
  ] as const
  for (const [name, found, least, most] of limits) {
    if (Number.isInteger(found) && found >= least && found <= most) continue
    const wanted = `a whole number from ${least} to ${most}`
    return fault('bad-option', `--${name}`, wanted, String(found), 'correct the option')
  }
  return undefined
}
