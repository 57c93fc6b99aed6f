// The node's network in the kernel, read, compared and written. Everything synchronous, on one thread: between a read
// and its write nobody of ours comes in between. Lives in the kernel Worker; tests call it directly.

import { type IfIndex, ifIndex } from '../base/ifindex.ts'
import type { Ip } from '../base/ip.ts'
import { err, type Fault, fault, ok, type Result } from '../base/result.ts'
import type { LinkRow } from '../kernel/netlink/link.ts'
import type { RouteRow } from '../kernel/netlink/route.ts'
import { NETLINK_ROUTE, NetlinkSocket } from '../kernel/netlink/socket.ts'
import { type FastLaneInput, type Lane, neededGateways, planFastLane } from '../plan/fast_lane.ts'
import { type Network, planNetwork } from '../plan/network.ts'
import { VXLAN_LINK } from '../plan/ownership.ts'
import type { PathCure } from '../plan/path_cures.ts'
import { gatewayMac, type OwnLinks, ownLinks } from '../plan/pod_link.ts'
import type { SocketWish } from '../plan/sockets.ts'
import { findUplink, isOnLink, type Uplink, type UplinkFacts } from '../plan/uplink.ts'
import type { Config } from '../schema/config.ts'
import type { DeviceKind, Endpoint } from '../state/endpoint.ts'
import type { NodeRow } from '../state/rows.ts'
import type { HostPort } from '../state/wishes.ts'
import { checkEndpoint, type EndpointClaim } from './check.ts'
import {
  commitEndpoint,
  dropHalfMade,
  dropLink,
  makeEndpoint,
  markDeleting,
  sweepDeleted,
  type WireSpec,
} from './endpoint.ts'
import { type FastLane, plainOnly } from './fast_lane_contract.ts'
import type { Firewall, FirewallPod } from './firewall_contract.ts'
import { findGateways } from './gateways.ts'
import { readLinks, readUplinkFacts } from './host_facts.ts'
import { peerMacs, readNeighbours } from './neighbours.ts'
import { merged, nothing, type Outcome } from './outcome.ts'
import { applyPlainNetwork } from './plain_network.ts'
import { choosePodDevice } from './pod_device.ts'
import { type NetworkRecord, readRecord, recordedRanges } from './record.ts'
import { readRoutes } from './routes.ts'
import { noSockets, type Sockets } from './sockets_contract.ts'
import { laneSwitches } from './switches.ts'
import { TunnelLinger } from './tunnel_linger.ts'
import { applyVxlanLink, type VxlanState } from './vxlan.ts'

export type StartFacts = {
  readonly endpoints: readonly Endpoint[]
  /** DEL had answered for these, their links still stand: `sweep` removes them. */
  readonly deleting: readonly Endpoint[]
  readonly hostPorts: ReadonlyMap<Ip, readonly HostPort[]>
  readonly cooling: readonly { readonly ip: Ip; readonly remainingMs: number }[]
  readonly record: NetworkRecord
  /** Names of half-made links that were removed. */
  readonly removed: readonly string[]
}

export type ReconcileInput = {
  readonly selfName: string
  readonly nodes: readonly NodeRow[]
  /** Whether all inputs are in sync: before that nothing is removed. */
  readonly sweep: boolean
  /** Rules and sets of the filter may be gone: they are looked at too, which costs a program's start. */
  readonly tables?: boolean
  /** This node's pods that want to talk from socket to socket. */
  readonly sockets?: readonly SocketWish[]
  /** Peers with sick paths, and what is wrong with those. */
  readonly cures?: readonly PathCure[]
}

export type Report = Outcome & {
  readonly network: Network
  readonly uplink: Uplink | undefined
  readonly endpoints: readonly Endpoint[]
  /** What new pods get; undefined: they get none, a fault says why. */
  readonly podDevice: DeviceKind | undefined
  /** As the run's input said. */
  readonly synced: boolean
}

export type WireRequest = Omit<WireSpec, 'device'> & { readonly hostPorts: readonly HostPort[] }

export class NodeKernel {
  readonly #route = new NetlinkSocket(NETLINK_ROUTE)
  readonly #config: Config
  readonly #firewall: Firewall
  readonly #fastLane: FastLane
  readonly #sockets: Sockets
  readonly #linger: TunnelLinger
  /** HostPorts by the pod address that they lead to; the kernel's maps are the record, this is their copy. */
  #hostPorts = new Map<Ip, readonly HostPort[]>()
  #uplink: IfIndex | undefined
  #podDevice: Result<DeviceKind> | undefined
  /** The tunnel device stands for others alone. */
  #isLingering = false

  /** @param nowMs of a clock that nobody sets */
  constructor(
    config: Config,
    firewall: Firewall,
    fastLane: FastLane = plainOnly,
    sockets: Sockets = noSockets,
    nowMs: () => number = () => performance.now(),
  ) {
    this.#linger = new TunnelLinger(config.vxlan.lingerSeconds * 1000, nowMs)
    this.#sockets = sockets
    this.#config = config
    this.#firewall = firewall
    this.#fastLane = fastLane
  }

  close(): void {
    this.#sockets.close()
    this.#fastLane.close()
    this.#firewall.close()
    this.#route.close()
  }

  /** Reads what a former run left, removes what it left half-made, finishes what it was deleting. */
  start(): Result<StartFacts> {
    const built = this.#firewall.start()
    if (built.faults[0]) return err(built.faults[0])
    // A node without a fast lane is slower, not broken: what is wrong stands in every report.
    this.#fastLane.start()
    const own = this.#ownLinks()
    const removed = dropHalfMade(this.#route, own.halfMade)
    this.#hostPorts = new Map(this.#firewall.recall().hostPorts)
    for (const e of own.deleting) this.forget(e)
    this.#dropStrays(own.endpoints)
    return ok({
      endpoints: own.endpoints,
      deleting: own.deleting,
      hostPorts: this.#hostPorts,
      cooling: this.#firewall.recall().cooling,
      record: readRecord(readRoutes(this.#route), readLinks(this.#route)),
      removed,
    })
  }

  /** Found out once: a kernel does not learn. */
  get podDevice(): Result<DeviceKind> {
    this.#podDevice ??= choosePodDevice(this.#config.podDevice)
    return this.#podDevice
  }

  /** Until the tunnel device may go; undefined: it is needed, or there is none. */
  get lingersForMs(): number | undefined {
    return this.#isLingering ? this.#linger.leftMs : undefined
  }

  isUplink(index: IfIndex): boolean {
    return index === this.#uplink
  }

  /** From nodes and the kernel's present state to the kernel's desired state; the changes and refusals in words. */
  reconcile(input: ReconcileInput): Report {
    const built = input.tables ? this.#firewall.start() : nothing
    const facts = readUplinkFacts(this.#route, this.#config)
    const self = input.nodes.find((n) => n.name === input.selfName)
    const found = findUplink(this.#config.uplink, self?.addresses ?? [], facts)
    const uplink = found.ok ? found.value : undefined
    this.#uplink = uplink?.index
    const { endpoints } = ownLinks(facts.links)
    const routes = readRoutes(this.#route)
    const tunnel = facts.links.find((l) => l.name === VXLAN_LINK)
    // Before the sync nothing is removed anyway, and this node's address may not be known.
    const keepsTunnel = input.sweep && this.#config.pathMode !== 'direct' && this.#linger.keeps(tunnel)
    const network = planNetwork({
      keepsTunnel,
      config: this.#config,
      selfName: input.selfName,
      nodes: input.nodes,
      uplink,
      endpoints,
      recordedRanges: recordedRanges(routes),
      ...(input.cures ? { cures: input.cures } : {}),
    })
    const isNeeded = network.peers.some((p) => p.needsTunnel)
    if (isNeeded) this.#linger.needed()
    this.#isLingering = keepsTunnel && !isNeeded
    const vxlan = applyVxlanLink(this.#route, tunnel, network.vxlan, input.sweep)
    const outcome = merged([
      built,
      this.#apply(network, uplink, { ...facts, routes, vxlan }, endpoints, input),
      this.#sockets.apply(input.sockets ?? [], endpoints, input),
    ])
    // Before the first sync nobody has said what the uplink should hold.
    const complaint = found.ok || !input.sweep ? [] : [found.error]
    const device = this.podDevice
    return {
      ...outcome,
      faults: [...complaint, ...outcome.faults],
      // Complaints: trying again would change nothing.
      network: {
        ...network,
        complaints: [...(device.ok ? [] : [device.error]), ...vxlan.complaints, ...network.complaints],
      },
      uplink,
      endpoints,
      podDevice: device.ok ? device.value : undefined,
      synced: input.sweep,
    }
  }

  /** ADD: link, both sides, filter, and the alias as the commit. Undone altogether if any part is refused. */
  wire(request: WireRequest): Result<Endpoint> {
    const device = this.podDevice
    if (!device.ok) return device
    let pod: FirewallPod | undefined
    const made = makeEndpoint(this.#route, { ...request, device: device.value }, (endpoint) => {
      pod = { ...this.#firewallPod(endpoint), hostPorts: request.hostPorts }
      return this.#firewall.addPod(pod)
    })
    const committed = made.ok ? commitEndpoint(this.#route, made.value) : made
    if (!made.ok || !committed.ok) {
      if (pod) this.#firewall.removePod(pod, 0)
      if (made.ok) dropLink(this.#route, made.value)
      return committed.ok ? made : committed
    }
    const endpoint = made.value
    // A refusal is found by the next reconcile: until then the pod has the plain network.
    this.#sockets.addPod(endpoint, request.netnsFd)
    this.#fastLane.addPod(endpoint, (request.bandwidth?.ingressRate ?? 0) > 0)
    if (request.hostPorts.length > 0)
      for (const ip of endpoint.addresses) this.#hostPorts.set(ip, request.hostPorts)
    return made
  }

  /**
   * DEL: when this returns without a fault the pod's filter elements, hostPorts and flows are gone; its link goes with
   * `sweep`.
   * @returns an error: it is not marked, and lives on. Otherwise it is on its way out, and the faults are what
   * `forget` must be asked for again.
   */
  unwire(endpoint: Endpoint): Result<readonly Fault[]> {
    const marked = markDeleting(this.#route, endpoint)
    if (!marked.ok) return marked
    this.#sockets.removePod(endpoint)
    this.#fastLane.removePod(endpoint)
    const forgotten = this.forget(endpoint)
    return ok(forgotten.ok ? [] : [forgotten.error])
  }

  /** Removes the links whose DEL has answered; the endpoints whose addresses are free by that. */
  sweep(leaving: readonly Endpoint[]): readonly Endpoint[] {
    const gone = sweepDeleted(this.#route, leaving)
    for (const endpoint of gone) this.#fastLane.linkGone(endpoint)
    return gone
  }

  /** The elements of an endpoint whose link went away by itself (its pod's namespace was destroyed). By its addresses. */
  forget(endpoint: Endpoint): Result<void> {
    this.#sockets.removePod(endpoint)
    this.#fastLane.removePod(endpoint)
    const removed = this.#firewall.removePod(this.#firewallPod(endpoint), this.#coolDownMs)
    if (removed.ok) for (const ip of endpoint.addresses) this.#hostPorts.delete(ip)
    return removed
  }

  check(endpoint: Endpoint, claim: EndpointClaim): Result<void> {
    const missing = [
      ...checkEndpoint(this.#route, endpoint, claim),
      ...this.#fastLane.checkPod(endpoint),
      ...this.#firewall.checkPod({ ...this.#firewallPod(endpoint), hostPorts: claim.hostPorts }),
    ]
    if (missing.length === 0) return ok(undefined)
    const object = `interface ${endpoint.ifName} of container ${endpoint.containerId}`
    return fault('check-failed', object, 'everything as ADD made it', missing.join('; '), 'recreate the pod')
  }

  #apply(
    network: Network,
    uplink: Uplink | undefined,
    facts: UplinkFacts & { readonly routes: readonly RouteRow[]; readonly vxlan: VxlanState },
    endpoints: readonly Endpoint[],
    input: ReconcileInput,
  ): Outcome {
    const { vxlan } = facts
    // Only now: a device takes its neighbours along.
    const neighbours = readNeighbours(this.#route)
    const macs = peerMacs(neighbours, uplink?.index)
    const gateways = findGateways(this.#route, uplink?.index, nodesBehindRouters(network, uplink))
    const guard = {
      network,
      uplink,
      nodeAddresses: input.nodes.flatMap((n) => n.addresses),
      peerMacs: macs,
      pods: endpoints.map((e) => this.#firewallPod(e)),
    }
    const switches = this.#fastLane.isOpen() ? laneSwitches() : []
    const plain = applyPlainNetwork({
      ...{ socket: this.#route, firewall: this.#firewall, network, uplink, facts, vxlan },
      ...{
        endpoints,
        neighbours,
        guard,
        switches,
        routers: neededGateways(network, gateways),
        sweep: input.sweep,
      },
    })
    return merged([
      plain,
      this.#applyFastLane(
        { network, uplink, tunnel: vxlan.link?.index, endpoints, macs, gateways, links: facts.links },
        input,
      ),
    ])
  }

  /** Last: the plain network stands, so whatever the programs hand down arrives. */
  #applyFastLane(
    facts: Pick<FastLaneInput, 'network' | 'uplink' | 'tunnel' | 'endpoints' | 'macs' | 'gateways'> & {
      readonly links: readonly LinkRow[]
    },
    input: ReconcileInput,
  ): Outcome {
    const limited = new Set(facts.links.filter((l) => l.queue !== 'noqueue').map((l) => l.index))
    const laneOf = (peer: string | undefined): Lane => this.#fastLane.laneOf(peer)
    const plan = planFastLane({ ...facts, config: this.#config, limited, laneOf })
    const applied = this.#fastLane.apply(plan, { sweep: input.sweep, again: input.tables === true })
    if (applied.switched.length > 0)
      this.#firewall.forgetUntranslated(facts.network.ownRanges, applied.switched)
    return applied
  }

  /**
   * Filter elements whose link is gone: its pod's namespace ended while no agent ran, or a crash cut off its wiring.
   * The next pod must get neither their hostPorts nor their flows, and the address rests first.
   */
  #dropStrays(standing: readonly Endpoint[]): void {
    const known = new Set(standing.flatMap((e) => e.addresses.map((ip) => `${e.link.index} ${ip}`)))
    const addresses = new Set(standing.flatMap((e) => e.addresses))
    for (const { index, mac, ip } of this.#firewall.recall().sources) {
      if (known.has(`${index} ${ip}`)) continue
      const again = addresses.has(ip)
      const hostPorts = again ? [] : (this.#hostPorts.get(ip) ?? [])
      this.#firewall.removePod({ index, mac, addresses: [ip], hostPorts }, again ? 0 : this.#coolDownMs)
    }
    for (const [ip, hostPorts] of this.#hostPorts) {
      if (addresses.has(ip)) continue
      this.#firewall.removePod({ index: ifIndex(0), mac: gatewayMac, addresses: [ip], hostPorts }, 0)
      this.#hostPorts.delete(ip)
    }
  }

  #ownLinks(): OwnLinks {
    return ownLinks(readLinks(this.#route))
  }

  #firewallPod(e: Endpoint): FirewallPod {
    const hostPorts = e.addresses.flatMap((ip) => this.#hostPorts.get(ip) ?? []).filter(distinct)
    return { index: e.link.index, mac: e.podMac, addresses: e.addresses, hostPorts }
  }

  get #coolDownMs(): number {
    return this.#config.ipam.coolDownSeconds * 1000
  }
}

/** A dual-stack pod has the same hostPorts under both of its addresses. */
function distinct(port: HostPort, index: number, all: readonly HostPort[]): boolean {
  const same = (p: HostPort): boolean =>
    p.hostPort === port.hostPort && p.protocol === port.protocol && p.hostIp === port.hostIp
  return all.findIndex(same) === index
}

const nodesBehindRouters = (network: Network, uplink: Uplink | undefined): Ip[] =>
  uplink
    ? network.peers.filter((p) => p.path === 'vxlan' && !isOnLink(uplink, p.address)).map((p) => p.address)
    : []
