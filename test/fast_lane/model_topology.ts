// Random topologies: four pods' places and four nodes, by every kind of path, in either lane.

import fc from 'fast-check'
import type { Ip } from '../../src/base/ip.ts'
import type { FastPath, FastPod } from '../../src/plan/fast_lane.ts'
import type { Devices, Topology } from './packets/bed.ts'
import { cidr, families, ip, mac, macOf, outside, pathOf, peers, podAddress } from './packets/topology.ts'

const laneOf = fc.constantFrom('fast', 'fast', 'fast', 'plain' as const)
export const mostly = <T>(usual: fc.Arbitrary<T>, ...others: fc.Arbitrary<T>[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 6 * others.length, arbitrary: usual }, ...others)
export const rarely = fc.integer({ min: 0, max: 9 }).map((n) => n === 0)

type PodChoice = { readonly there: boolean; readonly limited: boolean; readonly device: number }
type PathChoice = {
  readonly there: boolean
  readonly kind: 'direct' | 'vxlan4' | 'vxlan6'
  readonly lane: 'fast' | 'plain'
  readonly resolved: boolean
  readonly short: boolean
  readonly host: boolean
}

const podChoice: fc.Arbitrary<PodChoice> = fc.record({
  there: mostly(fc.constant(true), fc.constant(false)),
  limited: rarely,
  device: fc.integer({ min: 0, max: 3 }),
})
const pathChoice: fc.Arbitrary<PathChoice> = fc.record({
  there: mostly(fc.constant(true), fc.constant(false)),
  kind: fc.constantFrom('direct', 'vxlan4', 'vxlan6'),
  lane: laneOf,
  resolved: mostly(fc.constant(true), fc.constant(false)),
  short: fc.boolean(),
  host: rarely,
})

export const NODES = 4
export const topologyOf = (devices: Devices): fc.Arbitrary<Topology> =>
  fc
    .tuple(
      laneOf,
      fc.array(podChoice, { minLength: NODES, maxLength: NODES }),
      fc.array(pathChoice, { minLength: NODES, maxLength: NODES }),
    )
    .map(([here, pods, paths]) => ({
      here,
      pods: pods.flatMap((choice, n) => podsFrom(devices, choice, n)),
      paths: paths.flatMap((choice, n) => pathsFrom(devices, choice, n)),
    }))

function podsFrom(devices: Devices, { there, limited, device }: PodChoice, n: number): FastPod[] {
  const index = devices.pods[device] ?? devices.uplink
  return there ? families.map((f) => ({ ip: podAddress(n, f), index, mac: macOf(n), limited })) : []
}

export const remote = (n: number, family: 4 | 6): Ip =>
  Object.values(peers)[n]?.pod[family] ?? outside[family]

/** Each node has its own MAC and address; two of them share a router. */
function pathsFrom(devices: Devices, choice: PathChoice, n: number): FastPath[] {
  if (!choice.there) return []
  const family = choice.kind === 'vxlan6' ? 6 : 4
  const base = family === 6 ? peers.vxlan6 : (Object.values(peers)[n] ?? peers.direct)
  const nodeMac = mac(`02:00:00:00:00:0${n + 2}`)
  const direct = choice.kind === 'direct'
  const known = direct ? { ip: peers.direct.hop.ip, mac: nodeMac } : base.hop
  const address = family === 6 ? addressOf6(n) : base.address
  const hop = choice.resolved ? known : undefined
  const made = pathOf(devices, {
    peer: `n${n}`,
    kind: direct ? 'direct' : 'vxlan',
    address,
    hop: hop && (direct ? { ip: hopIp(n), mac: nodeMac } : hop),
    ranges: [
      cidr(`10.244.${n + 2}.0/24`),
      cidr(`fd00:${n + 2}::/64`),
      ...(choice.host ? [cidr(`10.244.${((n + 1) % NODES) + 2}.20/32`)] : []),
    ],
  })
  const mtuBytes = choice.short ? 600 : made.mtuBytes
  return [{ ...made, mtuBytes, lane: hop ? choice.lane : 'plain' }]
}

const addressOf6 = (n: number): Ip => ip(`2001:db8:9::${n}`)
const hopIp = (n: number): Ip => ip(`192.0.2.${n + 2}`)
