// Makes a topology's network: a hub namespace with one bridge per segment and the router between them, the outside
// behind it, and one namespace per node with its uplink `eth0`. Every link has an end in the hub.

import { createHash } from 'node:crypto'
import { closeSync, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { IfIndex } from '../base/ifindex.ts'
import { familyOf, type Ip } from '../base/ip.ts'
import { localMac, type Mac } from '../base/mac.ts'
import { faultText } from '../base/result.ts'
import { addAddress } from '../kernel/netlink/address.ts'
import {
  addBridge,
  addVeth,
  delLink,
  delLinkGroup,
  getLinks,
  parseLink,
  setLink,
} from '../kernel/netlink/link.ts'
import type { Message } from '../kernel/netlink/message.ts'
import { addRoute } from '../kernel/netlink/route.ts'
import { answerFault, NETLINK_ROUTE, NetlinkSocket } from '../kernel/netlink/socket.ts'
import { createNetns, openNetns, removeNetns, withNetns } from '../kernel/netns.ts'
import { netnsFile } from './paths.ts'
import type { NamespaceName } from './processes.ts'
import { defaultRouteOf, type LabNode, type PlacedAddress, type Topology } from './topology.ts'

export const HUB = 'hub'
export const OUTSIDE = 'outside'
export const UPLINK = 'eth0'
/** The hub's interface to the outside. */
const OUTSIDE_LINK = 'outside'
/** Of every link in the hub: deleting them by it costs one wait of the kernel and not one for each. */
const LAB_GROUP = 1
/** rtnetlink.h: a route that an administrator made by hand. */
const RTPROT_STATIC = 4

/** The namespaces that stand, from an earlier life too: their names here and the kernel's. */
export function standingNamespaces(): ReadonlyMap<string, NamespaceName> {
  const standing = new Map<string, NamespaceName>()
  for (const name of boundFiles()) {
    // Without a namespace bound to it, it is a file that a crash left.
    const { dev, ino } = statSync(netnsFile(name))
    if (dev === statSync('/proc/self/ns/net').dev) standing.set(name, `net:[${ino}]`)
  }
  return standing
}

function boundFiles(): readonly string[] {
  const folder = dirname(netnsFile(HUB))
  return existsSync(folder) ? readdirSync(folder) : []
}

/** Bridges, router and outside; nodes are plugged in by `makeNode`. */
export function makeHub(topology: Topology): void {
  const { mtuBytes, segments, outside } = topology
  const sysctls = { ...quietIpv6, ...forwarding, ...noBridgeFilter }
  inNew(HUB, sysctls, (hub) => {
    for (const { name } of segments)
      hub.run(addBridge(name, mtuBytes), setLink(name, { mac: macOf(name), group: LAB_GROUP }))
    inNew(OUTSIDE, quietIpv6, (out) => {
      hub.run(veth({ name: OUTSIDE_LINK, mtuBytes, peerNamespace: out.fd, peer: OUTSIDE }))
      out.configure(UPLINK, outside.addresses, addressesOf(outside.gateways))
    })
    hub.configure(OUTSIDE_LINK, outside.gateways, [])
    for (const { name, gateways } of segments) hub.configure(name, gateways, [])
  })
}

/** The node's namespace and its cable to the segment. */
export function makeNode(node: LabNode, mtuBytes: number): void {
  inExisting(HUB, (hub) => {
    inNew(node.name, quietIpv6, (own) => {
      hub.run(veth({ name: node.name, mtuBytes, peerNamespace: own.fd, peer: node.name }))
      own.configure(UPLINK, node.addresses, node.gateways)
    })
    const segment = hub.indexOf(node.segment)
    hub.run(setLink(hub.indexOf(node.name), { master: segment, up: true }))
  })
}

/**
 * Namespaces go from sight at once. Their links too, by their ends in the hub: somebody who copied the mounts, as any
 * daemon with a mount namespace of its own does, would otherwise keep them.
 */
export function removeUnderlay(): void {
  if (standingNamespaces().has(HUB)) inExisting(HUB, (hub) => hub.tryTo(delLinkGroup(LAB_GROUP)))
  for (const name of boundFiles()) removeNetns(netnsFile(name))
}

export function removeNode(node: string): void {
  removeNetns(netnsFile(node))
  inExisting(HUB, (hub) => {
    if (hub.has(node)) hub.run(delLink(hub.indexOf(node)))
  })
}

const addressesOf = (placed: readonly PlacedAddress[]): readonly Ip[] => placed.map((a) => a.ip)

/** Addresses of the lab are its own: nobody else can have them, so nobody is asked. */
const quietIpv6 = { 'ipv6/conf/default/accept_dad': '0', 'ipv6/conf/default/accept_ra': '0' }
const forwarding = {
  'ipv4/ip_forward': '1',
  'ipv6/conf/all/forwarding': '1',
  'ipv4/conf/all/rp_filter': '0',
  'ipv4/conf/default/rp_filter': '0',
}
/** Else the switch between the nodes would send their frames through netfilter. */
const noBridgeFilter = {
  'bridge/bridge-nf-call-iptables': '0',
  'bridge/bridge-nf-call-ip6tables': '0',
  'bridge/bridge-nf-call-arptables': '0',
}

/** Always the same for a name, so that a link made again has the address that its neighbours remember. */
function macOf(name: string): Mac {
  return localMac(createHash('sha256').update(`podlane-lab ${name}`).digest())
}

function veth(spec: { name: string; mtuBytes: number; peerNamespace: number; peer: string }): Message {
  const peer = { name: UPLINK, mac: macOf(`${spec.peer} uplink`), netnsFd: spec.peerNamespace }
  return addVeth({ name: spec.name, mac: macOf(spec.name), mtuBytes: spec.mtuBytes, group: LAB_GROUP, peer })
}

type Inside = {
  readonly fd: number
  readonly run: (...messages: readonly Message[]) => void
  /** For what may be gone already. */
  readonly tryTo: (message: Message) => void
  readonly has: (name: string) => boolean
  readonly indexOf: (name: string) => IfIndex
  /** Gives addresses, sets it up, sends everything else to the gateways. */
  readonly configure: (link: string, addresses: readonly PlacedAddress[], gateways: readonly Ip[]) => void
}

function inNew(
  name: string,
  sysctls: Readonly<Record<string, string>>,
  work: (inside: Inside) => void,
): void {
  createNetns(netnsFile(name))
  inExisting(name, (inside) => {
    withNetns(inside.fd, () => {
      for (const [key, value] of Object.entries(sysctls)) writeSysctl(key, value)
    })
    inside.run(setLink('lo', { up: true }))
    work(inside)
  })
}

/** Of the namespace that the calling thread is in. A key that this kernel does not have is nothing to set. */
function writeSysctl(key: string, value: string): void {
  const path = `/proc/sys/net/${key}`
  if (existsSync(path)) writeFileSync(path, value)
}

function inExisting(name: string, work: (inside: Inside) => void): void {
  const fd = openNetns(netnsFile(name))
  try {
    using route = withNetns(fd, () => new NetlinkSocket(NETLINK_ROUTE))
    work(insideOf(fd, route, basename(netnsFile(name))))
  } finally {
    closeSync(fd)
  }
}

function insideOf(fd: number, route: NetlinkSocket, namespace: string): Inside {
  const links = () => route.dump(getLinks()).map(parseLink)
  const run = (...messages: readonly Message[]): void => {
    for (const [i, answer] of route.batch(messages).entries()) {
      const message = messages[i]
      if (!answer.ok && message) throw new Error(`${namespace}: ${faultText(answerFault(message, answer))}`)
    }
  }
  const indexOf = (name: string): IfIndex => {
    const found = links().find((l) => l.name === name)
    if (!found) throw new Error(`${namespace} has no link ${name}`)
    return found.index
  }
  return {
    fd,
    run,
    tryTo: (message) => void route.request(message),
    has: (name) => links().some((l) => l.name === name),
    indexOf,
    configure: (link, addresses, gateways) => {
      const index = indexOf(link)
      run(
        setLink(index, { up: true }),
        ...addresses.map((a) => addAddress({ index, ...a })),
        ...gateways.map((gateway) =>
          addRoute({
            dst: defaultRouteOf(familyOf(gateway)),
            type: 'unicast',
            gateway,
            device: index,
            protocol: RTPROT_STATIC,
          }),
        ),
      )
    },
  }
}
