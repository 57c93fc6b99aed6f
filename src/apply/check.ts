// CHECK: what of an endpoint is missing or changed, in words. Later plugins of a chain may have changed the MTU, added
// qdiscs, addresses of their own, routes and other interfaces; that is not counted.

import type { IfIndex } from '../base/ifindex.ts'
import { bitsOf, familyOf, type Ip } from '../base/ip.ts'
import type { Mac } from '../base/mac.ts'
import { getAddresses, parseAddress } from '../kernel/netlink/address.ts'
import { getLinks, parseLink } from '../kernel/netlink/link.ts'
import { getQdiscs, parseQdisc } from '../kernel/netlink/qdisc.ts'
import { getRoutes, parseRoute } from '../kernel/netlink/route.ts'
import { NETLINK_ROUTE, NetlinkSocket } from '../kernel/netlink/socket.ts'
import { withNetns } from '../kernel/netns.ts'
import { POD_GROUP, ROUTE_PROTOCOL } from '../plan/ownership.ts'
import { gatewayMac } from '../plan/pod_link.ts'
import type { Endpoint } from '../state/endpoint.ts'
import type { Bandwidth, HostPort } from '../state/wishes.ts'
import { isOwnNeighbour, readNeighbours } from './neighbours.ts'
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
      .filter((n) => isOwnNeighbour(n) && n.device === index)
      .map((n) => [n.ip, n.mac]),
  )
  const addresses = host.dump(getAddresses()).map(parseAddress)
  const hasGateway = addresses.some((a) => a?.index === index && a.ip === gatewayOf(6))
  const six = endpoint.addresses.some((ip) => familyOf(ip) === 6)
  const limited = (claim.bandwidth?.ingressRate ?? 0) > 0
  return [
    ...(link.up ? [] : [`host interface ${name} is down`]),
    ...(link.mac === gatewayMac
      ? []
      : [`host interface ${name} has MAC ${link.mac}, not the gateway's ${gatewayMac}`]),
    ...(link.group === POD_GROUP
      ? []
      : [`host interface ${name} is in group ${link.group}, not ${POD_GROUP}`]),
    ...(six && !hasGateway ? [`the gateway's address is gone from ${name}`] : []),
    ...endpoint.addresses
      .filter((ip) => !routes.has(`${ip}/${bitsOf(familyOf(ip))}`))
      .map((ip) => `the host's route to ${ip} is gone`),
    ...endpoint.addresses
      .filter((ip) => neighbours.get(ip) !== endpoint.podMac)
      .map((ip) => `the host's neighbour entry of ${ip} is ${neighbours.get(ip) ?? 'gone'}`),
    ...(limited && !hasBucket(host, index) ? [`the ingress limit on ${name} is gone`] : []),
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
    const neighbours = readNeighbours(socket).filter((n) => n.device === link.index)
    const limited = (claim.bandwidth?.egressRate ?? 0) > 0
    return [
      ...(link.up ? [] : [`interface ${endpoint.ifName} is down in the pod`]),
      ...checkMac(endpoint, claim, link.mac),
      ...endpoint.addresses
        .filter((ip) => !own.includes(ip))
        .map((ip) => `address ${ip} is gone from the pod`),
      ...endpoint.addresses
        .filter((ip) => claim.ips.length > 0 && !claim.ips.includes(ip))
        .map((ip) => `prevResult does not name address ${ip}, which the pod has`),
      ...families
        .filter((f) => !neighbours.some((n) => n.ip === gatewayOf(f) && n.mac === gatewayMac))
        .map((f) => `the pod's neighbour entry of its IPv${f} gateway is gone`),
      ...families
        .filter((f) => !hasDefaultRoute(socket, f, link.index))
        .map((f) => `the pod's IPv${f} default route is gone`),
      ...(limited && !hasBucket(socket, link.index)
        ? [`the egress limit on ${endpoint.ifName} in the pod is gone`]
        : []),
    ]
  } finally {
    socket.close()
  }
}

/** A later plugin may change the MAC and say so in prevResult; the pod is then cut off all the same. */
function checkMac(endpoint: Endpoint, claim: EndpointClaim, found: Mac | undefined): string[] {
  if (found !== endpoint.podMac)
    return [
      `MAC is ${found}, but packets are taken from ${endpoint.podMac} only: ask for a MAC by the capability «mac», not by a later plugin`,
    ]
  return claim.mac === undefined || claim.mac === found ? [] : [`MAC is ${found}, not ${claim.mac}`]
}

const hasBucket = (socket: NetlinkSocket, device: IfIndex): boolean =>
  socket
    .dump(getQdiscs())
    .map(parseQdisc)
    .some((q) => q.device === device && q.kind === 'tbf')

function hasDefaultRoute(socket: NetlinkSocket, family: 4 | 6, device: number): boolean {
  const routes = socket.dump(getRoutes(family, ROUTE_PROTOCOL)).map(parseRoute)
  return routes.some((r) => r?.dst.endsWith('/0') && r.device === device && r.gateway === gatewayOf(family))
}
