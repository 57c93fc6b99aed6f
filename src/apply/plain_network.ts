// The plain network of one reconcile behind its tunnel device, written in the order in which nothing leads where the
// guard is not up yet: filter, switches, addresses and forwarding entries, pod links, neighbours, routes.

import type { IfIndex } from '../base/ifindex.ts'
import type { Ip } from '../base/ip.ts'
import type { LinkRow } from '../kernel/netlink/link.ts'
import type { NeighbourRow } from '../kernel/netlink/neighbour.ts'
import type { RouteRow } from '../kernel/netlink/route.ts'
import type { NetlinkSocket } from '../kernel/netlink/socket.ts'
import type { Network } from '../plan/network.ts'
import { VXLAN_LINK } from '../plan/ownership.ts'
import type { Uplink, UplinkFacts } from '../plan/uplink.ts'
import type { Endpoint } from '../state/endpoint.ts'
import { applyEndpointLinks } from './endpoint_links.ts'
import type { Firewall, FirewallState } from './firewall_contract.ts'
import { isRouterFed } from './host_facts.ts'
import { applyNeighbours } from './neighbours.ts'
import { merged, nothing, type Outcome } from './outcome.ts'
import { applyRoutes, readRoutes, routeSpecs } from './routes.ts'
import { applySwitches, type Switch, wantedSwitches } from './switches.ts'
import { applyTunnelChecksums } from './tunnel_checksums.ts'
import { applyFdb, applyVxlanAddresses, type VxlanState } from './vxlan.ts'

export type PlainNetworkInput = {
  readonly socket: NetlinkSocket
  readonly firewall: Firewall
  readonly network: Network
  readonly uplink: Uplink | undefined
  readonly facts: UplinkFacts & { readonly routes: readonly RouteRow[] }
  /** The tunnel device as it stands by now. */
  readonly vxlan: VxlanState
  readonly endpoints: readonly Endpoint[]
  /** Read after the tunnel device was changed. */
  readonly neighbours: readonly NeighbourRow[]
  readonly guard: FirewallState
  /** Beside those of the network. */
  readonly switches: readonly Switch[]
  /** Next hops on the uplink whose MACs are kept known. */
  readonly routers: readonly Ip[]
  readonly sweep: boolean
}

export function applyPlainNetwork(input: PlainNetworkInput): Outcome {
  const { socket, network, uplink, facts, vxlan, sweep } = input
  const device = deviceIndexes(facts.links, vxlan)
  const links = merged([
    vxlan,
    // The filter stands before the first route leads anywhere.
    input.firewall.apply(input.guard, sweep),
    applySwitches([
      ...wantedSwitches(network.families, uplink?.name, isRouterFed(socket, uplink)),
      ...input.switches,
    ]),
    applyTunnel(input),
    applyEndpointLinks(socket, input.endpoints, facts.links, facts.addresses),
  ])
  // Routes go with their link: those read before it was made anew or set up again do not count.
  const routes = links.changes.length > 0 ? readRoutes(socket) : facts.routes
  const routers = uplink ? input.routers.map((ip) => ({ device: uplink.name, ip, mac: undefined })) : []
  return merged([
    links,
    applyNeighbours(socket, input.neighbours, [...network.neighbours, ...routers], device, sweep),
    applyRoutes(socket, routes, routeSpecs(network.routes, device), sweep),
  ])
}

function deviceIndexes(links: readonly LinkRow[], vxlan: VxlanState): (name: string) => IfIndex | undefined {
  const devices = new Map(links.map((l) => [l.name, l.index]))
  if (vxlan.link) devices.set(VXLAN_LINK, vxlan.link.index)
  else devices.delete(VXLAN_LINK)
  return (name) => devices.get(name)
}

function applyTunnel({ socket, network, facts, vxlan, sweep }: PlainNetworkInput): Outcome {
  const { link } = vxlan
  if (!link || !network.vxlan) return nothing
  return merged([
    applyVxlanAddresses(socket, link.index, facts.addresses, network.vxlan.addresses, sweep),
    applyFdb(socket, link.index, network.fdb, sweep),
    applyTunnelChecksums(socket, link, network.vxlan),
  ])
}
