// The pod network as the CNI verbs see it: chooses addresses, has the kernel Worker do the work, and keeps the copy of
// the kernel's endpoints that makes an ADD quick. The kernel stays the truth: every reconcile corrects the copy.

import type { StartFacts } from '../apply/node.ts'
import { defaultRange, gatewayOf } from '../apply/pod_side.ts'
import { hostCidr } from '../base/cidr.ts'
import type { IfIndex } from '../base/ifindex.ts'
import { familyOf, type Ip } from '../base/ip.ts'
import { err, fault, ok, type Result } from '../base/result.ts'
import type {
  AddRequest,
  Attachment,
  AttachmentId,
  CheckRequest,
  HostPort,
  MadeAttachment,
  PodNetwork,
  Readiness,
} from '../cni/network.ts'
import type { AddressPool, PoolView, RangeCount } from '../ipam/pool.ts'
import { fits, gatewayMac, NETWORK_LENGTH, podLinkName, podMac, shortId } from '../plan/pod_link.ts'
import { type Endpoint, endpointKey, type Owner } from '../state/endpoint.ts'
import type { Tables } from '../state/tables.ts'
import { findTakenPort } from './host_ports.ts'
import type { KernelClient } from './kernel_client.ts'
import type { Knowledge } from './knowledge.ts'

export type LiveNetworkOptions = {
  readonly kernel: Pick<KernelClient, 'call'>
  readonly pool: AddressPool
  readonly tables: Tables
  /** What the last reconcile found: ranges, MTUs, uplink. */
  readonly knowledge: () => Knowledge
  /** Some DEL has left a link to be removed. */
  readonly onDeleted: () => void
}

export class LiveNetwork implements PodNetwork {
  readonly #options: LiveNetworkOptions
  /** BOUNDED by the pods of this node. By `endpointKey` of the shortened IDs. */
  readonly #endpoints = new Map<string, Endpoint>()
  /** DEL has answered, the link still stands: the address is not free. BOUNDED by the DELs of a moment. */
  readonly #leaving = new Map<string, Endpoint>()
  /** Of those, the ones whose hostPorts and flows may still stand: their addresses stay theirs, whatever the link does. */
  readonly #unfinished = new Set<string>()
  /** BOUNDED by `#unfinished`. */
  readonly #forgetting = new Map<string, Promise<Result<void>>>()
  readonly #hostPorts = new Map<string, readonly HostPort[]>()
  /** Addresses on links, those leaving included. */
  readonly #inUse = new Map<Ip, string>()
  #waiters: (() => void)[] = []

  constructor(options: LiveNetworkOptions) {
    this.#options = options
  }

  /** What stood in the kernel at the start. */
  recall(facts: StartFacts): void {
    for (const e of facts.endpoints) {
      const key = endpointKey(e)
      this.#endpoints.set(key, e)
      for (const ip of e.addresses) this.#inUse.set(ip, key)
      const ports = e.addresses.flatMap((ip) => facts.hostPorts.get(ip) ?? [])
      if (ports.length > 0) this.#hostPorts.set(key, ports)
    }
    for (const e of facts.deleting) {
      this.#leaving.set(endpointKey(e), e)
      for (const ip of e.addresses) this.#inUse.set(ip, endpointKey(e))
    }
    const { pool } = this.#options
    for (const { ip, remainingMs } of facts.cooling) pool.cool(ip, remainingMs)
    pool.startAfter([...this.#inUse.keys(), ...facts.cooling.map((c) => c.ip)])
  }

  get endpoints(): readonly Endpoint[] {
    return [...this.#endpoints.values()]
  }

  hostPortsOf(endpoint: Endpoint): readonly HostPort[] {
    return this.#hostPorts.get(endpointKey(endpoint)) ?? []
  }

  counts(): RangeCount[] {
    return this.#options.pool.counts(
      this.#options.knowledge().ranges,
      new Set([...this.#inUse.keys(), ...this.#held()]),
    )
  }

  async add(request: AddRequest): Promise<Result<Attachment>> {
    const id = shortened(request)
    const key = endpointKey(id)
    await this.#left(key)
    if (this.#endpoints.has(key)) return existsFault(request)
    const taken = findTakenPort(request.hostPorts, this.#hostPorts, this.#nodeFamilies())
    if (taken) return err(taken)
    const view = this.#view(request.podUid)
    const { pool } = this.#options
    const chosen = request.ips.length > 0 ? pool.claim(request.ips, view) : pool.choose(view)
    if (!chosen.ok) return chosen
    // Claimed in this very turn of the event loop: of two ADDs at once, the second sees the first's ports.
    if (request.hostPorts.length > 0) this.#hostPorts.set(key, request.hostPorts)
    const wired = await this.#wire(request, id, chosen.value)
    pool.release(chosen.value)
    if (!wired.ok) {
      this.#hostPorts.delete(key)
      return wired
    }
    return ok(this.#attachment(request, wired.value))
  }

  async #wire(request: AddRequest, id: AttachmentId, addresses: readonly Ip[]): Promise<Result<Endpoint>> {
    const { linkMtuBytes, routeMtuBytes } = this.#options.knowledge()
    const owner: Owner = {
      ...id,
      network: shortId(request.network, NETWORK_LENGTH),
      podUid: request.podUid,
      podMac: request.mac ?? podMac(addresses),
      addresses,
    }
    if (!fits(owner)) {
      return fault(
        'address-unavailable',
        `addresses ${addresses.join(', ')}`,
        'as many as an interface alias records',
        'too many',
        'ask for fewer addresses',
      )
    }
    const wired = await this.#options.kernel.call('wire', {
      owner,
      netnsFd: request.netnsFd,
      linkMtuBytes,
      routeMtuBytes,
      routeLocalnet: request.hostPorts.length > 0,
      bandwidth: request.bandwidth,
      hostPorts: request.hostPorts,
    })
    if (!wired.ok) return wired
    this.#endpoints.set(endpointKey(id), wired.value)
    for (const ip of addresses) this.#inUse.set(ip, endpointKey(id))
    return wired
  }

  async del(request: AttachmentId, hostIndex?: IfIndex): Promise<Result<void>> {
    const key = endpointKey(shortened(request))
    const endpoint = this.#endpoints.get(key)
    const found = endpoint ?? this.#leaving.get(key)
    if (!found || (hostIndex !== undefined && hostIndex !== found.link.index)) return ok(undefined)
    if (!endpoint) return this.#unfinished.has(key) ? this.#forget(key, found) : ok(undefined)
    // Off the list at once: two DELs of one attachment, or a DEL and a reconcile, must not both free its address.
    this.#leave(key, endpoint)
    const unwired = await this.#options.kernel.call('unwire', endpoint)
    if (!unwired.ok) {
      this.#unfinished.delete(key)
      this.#leaving.delete(key)
      this.#endpoints.set(key, endpoint)
      this.#wake()
      return unwired
    }
    // Marked as deleting: it never lives again, even if its hostPorts still stand.
    const [left] = unwired.value
    if (!left) this.#forgotten(key)
    this.#options.onDeleted()
    return left ? err(left) : ok(undefined)
  }

  /** The kernel is done with these links: their addresses may rest, once their hostPorts and flows are gone too. */
  gone(endpoints: readonly Endpoint[]): void {
    for (const e of endpoints) {
      const key = endpointKey(e)
      if (this.#leaving.get(key)?.link.index !== e.link.index) continue
      if (this.#unfinished.has(key)) {
        void this.#forget(key, e)
        continue
      }
      this.#leaving.delete(key)
      this.#free(e, key)
    }
    this.#wake()
  }

  /**
   * A reconcile has read the kernel: endpoints that do not live there any more have lost their link by another hand.
   * Whether the link is gone altogether only a sweep can tell.
   */
  async correct(standing: readonly Endpoint[]): Promise<void> {
    const keys = new Set(standing.map(endpointKey))
    const lost = [...this.#endpoints].filter(([key]) => !keys.has(key))
    for (const [key, endpoint] of lost) this.#leave(key, endpoint)
    await Promise.all(lost.map(([key, endpoint]) => this.#forget(key, endpoint)))
    if (lost.length > 0) this.#options.onDeleted()
  }

  /** DEL has answered for these; their addresses are free when `gone` names them. */
  get leaving(): readonly Endpoint[] {
    return [...this.#leaving.values()]
  }

  async check(request: CheckRequest): Promise<Result<void>> {
    const endpoint = this.#endpoints.get(endpointKey(shortened(request)))
    if (!endpoint) {
      const object = `container ${request.containerId}, interface ${request.ifName}`
      return fault('unknown-container', object, 'an interface made by ADD', 'none', 'call ADD')
    }
    const { netnsFd, ips, mac, hostPorts, bandwidth } = request
    return this.#options.kernel.call('check', endpoint, { netnsFd, ips, mac, hostPorts, bandwidth })
  }

  async status(): Promise<Readiness> {
    const { ranges } = this.#options.knowledge()
    if (ranges.length === 0) {
      const { message } = this.#options.tables.source
      const why = `this node has no pod range yet (${message})`
      return {
        state: 'not-ready',
        limited: false,
        why,
        next: 'see «podlane status»: sync and Node.spec.podCIDRs',
      }
    }
    const full = this.counts().find((c) => c.free === 0)
    if (!full) return { state: 'ready' }
    const why = `pod range ${full.cidr} is used up: ${full.used} in use, ${full.coolingDown} cooling down`
    return { state: 'not-ready', limited: false, why, next: 'remove pods, or give the node a larger podCIDR' }
  }

  async surplus(network: string, valid: readonly AttachmentId[]): Promise<readonly MadeAttachment[]> {
    const keep = new Set(valid.map((id) => endpointKey(shortened(id))))
    const name = shortId(network, NETWORK_LENGTH)
    const surplus = [...this.#endpoints].filter(([key, e]) => e.network === name && !keep.has(key))
    return surplus.map(([, { containerId, ifName, link }]) => ({
      containerId,
      ifName,
      hostIndex: link.index,
    }))
  }

  #leave(key: string, endpoint: Endpoint): void {
    this.#endpoints.delete(key)
    this.#leaving.set(key, endpoint)
    this.#unfinished.add(key)
  }

  /** Removes hostPorts and flows of one that leaves; asked again while that is under way, it is the same work. */
  #forget(key: string, endpoint: Endpoint): Promise<Result<void>> {
    const running = this.#forgetting.get(key)
    if (running) return running
    const work = this.#options.kernel.call('forget', endpoint).then((removed) => {
      this.#forgetting.delete(key)
      if (removed.ok) this.#forgotten(key)
      return removed
    })
    this.#forgetting.set(key, work)
    return work
  }

  #forgotten(key: string): void {
    this.#unfinished.delete(key)
    this.#hostPorts.delete(key)
  }

  #wake(): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const wake of waiters) wake()
  }

  /** Resolves when no link of this attachment is on its way out. */
  async #left(key: string): Promise<void> {
    while (this.#leaving.has(key)) await new Promise<void>((resolve) => this.#waiters.push(resolve))
  }

  #free(endpoint: Endpoint, key: string): void {
    for (const ip of endpoint.addresses) {
      if (this.#inUse.get(ip) !== key) continue
      this.#inUse.delete(ip)
      this.#options.pool.cool(ip)
    }
  }

  #view(podUid: string | undefined): PoolView {
    const held = this.#held(podUid)
    return {
      ranges: this.#options.knowledge().ranges,
      inUse: (ip) => this.#inUse.has(ip),
      held: (ip) => held.has(ip),
    }
  }

  /** Addresses of living pods in the API, whether or not their interface exists. */
  #held(exceptUid?: string): Set<Ip> {
    const out = new Set<Ip>()
    for (const pod of this.#options.tables.pods.values()) {
      if (!pod.ended && pod.uid !== exceptUid) for (const ip of pod.addresses) out.add(ip)
    }
    return out
  }

  #nodeFamilies(): readonly (4 | 6)[] {
    return [...new Set(this.#options.knowledge().ranges.map((r) => (r.includes(':') ? 6 : 4)))]
  }

  #attachment(request: AddRequest, endpoint: Endpoint): Attachment {
    const { routeMtuBytes } = this.#options.knowledge()
    const families = [...new Set(endpoint.addresses.map(familyOf))]
    const mtuBytes = endpoint.link.mtuBytes
    return {
      containerId: request.containerId,
      ifName: request.ifName,
      hostInterface: { name: podLinkName(endpoint), index: endpoint.link.index, mac: gatewayMac, mtuBytes },
      podInterface: { name: request.ifName, mac: endpoint.podMac, mtuBytes },
      ips: endpoint.addresses.map((ip) => ({ address: hostCidr(ip), gateway: gatewayOf(familyOf(ip)) })),
      routes: families.map((f) => ({ dst: defaultRange(f), gw: gatewayOf(f), mtuBytes: routeMtuBytes })),
    }
  }
}

const shortened = (id: AttachmentId): AttachmentId => ({
  containerId: shortId(id.containerId),
  ifName: id.ifName,
})

const existsFault = (id: AttachmentId): Result<never> =>
  fault(
    'exists',
    `interface ${id.ifName} of container ${id.containerId}`,
    'none yet',
    'one made by an earlier ADD',
    'call DEL first',
  )
