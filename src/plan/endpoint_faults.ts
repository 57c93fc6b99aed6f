// What is amiss with the addresses of this node's pods as they stand in the kernel: outside the node's ranges, or
// twice. Such pods are served as far as can be, and named. PURE.

import { type Cidr, cidrContains, cidrFamily } from '../base/cidr.ts'
import { familyOf, type Ip } from '../base/ip.ts'
import type { Fault } from '../base/result.ts'
import type { Endpoint } from '../state/endpoint.ts'

type Addressed = Pick<Endpoint, 'addresses' | 'containerId' | 'ifName'>

/** Addresses in none of the ranges, in order: those of pods that are older than the node's present ranges. */
export const addressesOutside = (
  pods: readonly { readonly addresses: readonly Ip[] }[],
  ranges: readonly Cidr[],
): Ip[] => pods.flatMap((p) => p.addresses.filter((ip) => !ranges.some((r) => cidrContains(r, ip))))

/** While the node has no range at all, only that is the fault. */
export function endpointFaults(
  selfName: string,
  endpoints: readonly Addressed[],
  ranges: readonly Cidr[],
): readonly Fault[] {
  const outside = ranges.length === 0 ? [] : endpoints.filter((e) => addressesOutside([e], ranges).length > 0)
  return [
    ...(outside.length > 0 ? [outsideFault(selfName, outside, ranges)] : []),
    ...doubles(endpoints).map(([ip, pods]) => doubleFault(ip, pods)),
  ]
}

function doubles(endpoints: readonly Addressed[]): [Ip, readonly Addressed[]][] {
  const holders = new Map<Ip, Addressed[]>()
  for (const e of endpoints) {
    for (const ip of new Set(e.addresses)) {
      const others = holders.get(ip)
      if (others) others.push(e)
      else holders.set(ip, [e])
    }
  }
  return [...holders].filter(([, pods]) => pods.length > 1)
}

function outsideFault(selfName: string, pods: readonly Addressed[], ranges: readonly Cidr[]): Fault {
  const first = addressesOutside(pods, ranges)[0]
  const sameFamily = ranges.filter((r) => first !== undefined && cidrFamily(r) === familyOf(first))
  const count = pods.length === 1 ? '1 pod' : `${pods.length} pods`
  return {
    kind: 'pods-outside',
    object: `node ${selfName}`,
    wanted: `pods with addresses in ${(sameFamily.length > 0 ? sameFamily : ranges).join(', ')}`,
    found: `${count} with addresses outside, such as ${first}`,
    next: 'recreate them: other nodes have no way to these addresses; on this node and to the outside they work',
  }
}

const doubleFault = (ip: Ip, pods: readonly Addressed[]): Fault => ({
  kind: 'address-double',
  object: `address ${ip}`,
  wanted: 'one pod',
  found: `${pods.length}: containers ${pods.map((p) => `${p.containerId} (${p.ifName})`).join(', ')}`,
  next: 'recreate all but one of these pods: only one of them gets the packets',
})
