// CHECK: what of an endpoint is missing or changed, in words. Later plugins of a chain may have changed the MTU, the
// qdiscs and other interfaces; that is not counted.

import { bitsOf, familyOf, type Ip } from '../base/ip.ts'
import type { Mac } from '../base/mac.ts'
import type { Bandwidth, HostPort } from '../cni/network.ts'
import { getAddresses, parseAddress } from '../kernel/netlink/address.ts'
import { getLinks, parseLink } from '../kernel/netlink/link.ts'
import { getQdiscs, parseQdisc } from '../kernel/netlink/qdisc.ts'
import { getRoutes, parseRoute } from '../kernel/netlink/route.ts'
import { NETLINK_ROUTE, NetlinkSocket } from '../kernel/netlink/socket.ts'
import { withNetns } from '../kernel/netns.ts'
import { ROUTE_PROTOCOL } from '../plan/ownership.ts'
import type { Endpoint } from '../state/endpoint.ts'
import { readNeighbours } from './neighbours.ts'
import { gatewayOf } from './pod_side.ts'
import { readRoutes } from './routes.ts'

export type EndpointClaim = {
  readonly netnsFd: number
  /** What prevResult says of the interface. */
  readonly ips: readonly Ip[]
  readonly mac: Mac | undefined
  readonly hostPorts: readonly HostPort[]
  readonly bandwidth: Bandwidth | undefined
}

export function checkEndpoint(host: NetlinkSocket, endpoint: Endpoint, claim: EndpointClaim): string[] {
  return [...checkHost(host, endpoint, claim), ...checkPod(endpoint, claim)]
}

function checkHost(host: NetlinkSocket, endpoint: Endpoint, claim: EndpointClaim): string[] {
  const { index, name } = endpoint.link
  const link = host
    .dump(getLinks())
    .map(parseLink)
    .find((l) => l.index === index)
  if (!link) return [`host interface ${name} is gone`]
  const routes = new Set(
    readRoutes(host)
      .filter((r) => r.device === index)
      .map((r) => r.dst as string),
  )
  const neighbours = new Map(
    readNeighbours(host)
      .filter((n) => n.device === index)
      .map((n) => [n.ip, n.mac]),
  )
  const limited = (claim.bandwidth?.ingressRate ?? 0) > 0
  const hasBucket = (): boolean =>
    host
      .dump(getQdiscs())
      .map(parseQdisc)
      .some((q) => q.device === index && q.kind === 'tbf')
  return [
    ...(link.up ? [] : [`host interface ${name} is down`]),
    ...endpoint.addresses
      .filter((ip) => !routes.has(`${ip}/${bitsOf(familyOf(ip))}`))
      .map((ip) => `the host's route to ${ip} is gone`),
    ...endpoint.addresses
      .filter((ip) => neighbours.get(ip) !== endpoint.podMac)
      .map((ip) => `the host's neighbour entry of ${ip} is ${neighbours.get(ip) ?? 'gone'}`),
    ...(limited && !hasBucket() ? [`the ingress limit on ${name} is gone`] : []),
  ]
}

function checkPod(endpoint: Endpoint, claim: EndpointClaim): string[] {
  const socket = withNetns(claim.netnsFd, () => new NetlinkSocket(NETLINK_ROUTE))
  try {
    const link = socket
      .dump(getLinks())
      .map(parseLink)
      .find((l) => l.name === endpoint.ifName)
    if (!link) return [`interface ${endpoint.ifName} is gone from the pod`]
    const own = socket
      .dump(getAddresses())
      .map(parseAddress)
      .filter((a) => a?.index === link.index)
      .map((a) => a?.ip)
    const families = [...new Set(endpoint.addresses.map(familyOf))]
    const wanted = claim.ips.length > 0 ? claim.ips : endpoint.addresses
    return [
      ...(link.up ? [] : [`interface ${endpoint.ifName} is down in the pod`]),
      ...(claim.mac === undefined || claim.mac === link.mac ? [] : [`MAC is ${link.mac}, not ${claim.mac}`]),
      ...wanted.filter((ip) => !own.includes(ip)).map((ip) => `address ${ip} is gone from the pod`),
      ...wanted
        .filter((ip) => !endpoint.addresses.includes(ip))
        .map((ip) => `address ${ip} is not one that this interface was given`),
      ...families
        .filter((f) => !hasDefaultRoute(socket, f, link.index))
        .map((f) => `the pod's IPv${f} default route is gone`),
    ]
  } finally {
    socket.close()
  }
}

function hasDefaultRoute(socket: NetlinkSocket, family: 4 | 6, device: number): boolean {
  const routes = socket.dump(getRoutes(family, ROUTE_PROTOCOL)).map(parseRoute)
  return routes.some((r) => r?.dst.endsWith('/0') && r.device === device && r.gateway === gatewayOf(family))
}
