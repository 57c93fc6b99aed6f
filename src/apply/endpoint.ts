// One pod's wiring, made and taken away: link pair, both sides, firewall elements, and last the alias that commits.
// A failure or a crash before the alias leaves a half-made link, which is removed at once or at the next start.

import { cidrNetwork } from '../base/cidr.ts'
import { ifIndex } from '../base/ifindex.ts'
import { err, type Fault, fault, ok, type Result } from '../base/result.ts'
import { EEXIST, ENODEV } from '../kernel/errno.ts'
import {
  delLink,
  delLinkGroup,
  getLinkByName,
  getLinks,
  type LinkRow,
  parseLink,
  setLink,
} from '../kernel/netlink/link.ts'
import type { Message } from '../kernel/netlink/message.ts'
import { setTokenBucket, type TokenBucket } from '../kernel/netlink/qdisc.ts'
import { addRoute } from '../kernel/netlink/route.ts'
import { answerFault, type NetlinkSocket } from '../kernel/netlink/socket.ts'
import { endpointObjects } from '../plan/network.ts'
import { DELETING_GROUP, POD_GROUP } from '../plan/ownership.ts'
import { gatewayMac, ownLinks, podLinkName } from '../plan/pod_link.ts'
import { aliasOf, type DeviceKind, type Endpoint, type Owner } from '../state/endpoint.ts'
import type { Bandwidth } from '../state/wishes.ts'
import { endpointSwitches, gatewayMessages } from './endpoint_links.ts'
import { neighbourMessage } from './neighbours.ts'
import { addPair } from './pod_device.ts'
import { configurePod, type PodSide } from './pod_side.ts'
import { routeSpecs } from './routes.ts'

export type WireSpec = {
  readonly owner: Owner
  readonly netnsFd: number
  readonly device: DeviceKind
  /** Of the pod's link: the uplink's. */
  readonly linkMtuBytes: number
  /** Of the pod's default route: the smallest path's. */
  readonly routeMtuBytes: number
  /** Replies from 127.0.0.1 must find their way: only links with hostPorts need it. */
  readonly routeLocalnet: boolean
  readonly bandwidth: Bandwidth | undefined
}

/**
 * Everything but the commit.
 * @param admit adds the filter's elements: before the link comes up, or the pod's first words would count as forged
 */
export function makeEndpoint(
  socket: NetlinkSocket,
  spec: WireSpec,
  admit: (endpoint: Endpoint) => Result<void>,
): Result<Endpoint> {
  const link = makeLinks(socket, spec)
  if (!link.ok) return link
  const { index, name, mtuBytes } = link.value
  const endpoint: Endpoint = {
    ...spec.owner,
    link: { kind: spec.device, index, name, mac: gatewayMac, mtuBytes },
  }
  const admitted = admit(endpoint)
  const made = admitted.ok
    ? configurePod(spec.netnsFd, podSide(link.value, spec), () => {
        const onHost = writeAll(socket, hostMessages(endpoint, spec))
        return onHost.ok ? addHostRoutes(socket, endpoint) : onHost
      })
    : admitted
  if (made.ok) return ok(endpoint)
  dropLink(socket, endpoint)
  return made
}

const podSide = (link: LinkRow, spec: WireSpec): PodSide => ({
  index: ifIndex(link.peerIndex ?? 0),
  ifName: spec.owner.ifName,
  addresses: spec.owner.addresses,
  mtuBytes: spec.routeMtuBytes,
  egress: bucket(spec.bandwidth?.egressRate, spec.bandwidth?.egressBurst),
})

function makeLinks(socket: NetlinkSocket, spec: WireSpec): Result<LinkRow> {
  const name = podLinkName(spec.owner)
  const made = addPair(spec.device, {
    name,
    mac: gatewayMac,
    mtuBytes: spec.linkMtuBytes,
    group: POD_GROUP,
    peer: { name: spec.owner.ifName, mac: spec.owner.podMac, netnsFd: spec.netnsFd },
  })
  const [answer, read] = socket.batch([made, getLinkByName(name)])
  if (answer?.ok && read?.ok && read.replies[0]) return ok(parseLink(read.replies[0]))
  if (answer?.ok) return fault('kernel', `link ${name}`, 'the link just made', 'none', 'call ADD again')
  if (answer?.errno !== EEXIST) return err(answerFault(made, answer as Extract<typeof answer, { ok: false }>))
  return fault(
    'exists',
    `interface ${spec.owner.ifName} of container ${spec.owner.containerId}`,
    'none of that name in the namespace yet',
    read?.ok ? `link ${name} on the host` : 'one in the namespace',
    'call DEL first, or choose another CNI_IFNAME',
  )
}

function hostMessages(endpoint: Endpoint, spec: WireSpec): Message[] {
  const { index } = endpoint.link
  const objects = endpointObjects(endpoint)
  const limit = bucket(spec.bandwidth?.ingressRate, spec.bandwidth?.ingressBurst)
  return [
    setLink(index, { noLinkLocal: true, ipv4: endpointSwitches(spec.routeLocalnet) }),
    setLink(index, { up: true }),
    ...gatewayMessages(index, endpoint),
    ...objects.neighbours.map((n) => neighbourMessage({ device: index, ip: n.ip, mac: n.mac })),
    ...(limit ? [setTokenBucket(index, limit)] : []),
  ]
}

/** A foreign route to the very address stays: a pod behind it could not be reached. */
function addHostRoutes(socket: NetlinkSocket, endpoint: Endpoint): Result<void> {
  const specs = routeSpecs(endpointObjects(endpoint).routes, () => endpoint.link.index)
  const messages = specs.map(addRoute)
  for (const [i, answer] of socket.batch(messages).entries()) {
    const [message, spec] = [messages[i], specs[i]]
    if (!message || !spec || answer.ok) continue
    if (answer.errno !== EEXIST) return err(answerFault(message, answer))
    return fault(
      'address-unavailable',
      `address ${cidrNetwork(spec.dst)}`,
      'no other route to it',
      'one that is not ours',
      `see «ip route show ${spec.dst}» and remove it; the next ADD tries another address`,
    )
  }
  return ok(undefined)
}

/** The alias: from here on the endpoint counts. */
export function commitEndpoint(socket: NetlinkSocket, endpoint: Endpoint): Result<void> {
  return writeAll(socket, [setLink(endpoint.link.index, { alias: aliasOf(endpoint) })])
}

/** From here on the endpoint is gone for every reader, though its link still stands. */
export function markDeleting(socket: NetlinkSocket, endpoint: Endpoint): Result<void> {
  // By name: should the link be gone, its index may be another's by now, its name cannot.
  const message = setLink(endpoint.link.name, { alias: aliasOf(endpoint, true) })
  const answer = socket.request(message)
  return answer.ok || answer.errno === ENODEV ? ok(undefined) : err(answerFault(message, answer))
}

export const dropLink = (socket: NetlinkSocket, endpoint: Endpoint): void => {
  socket.batch([delLink(endpoint.link.index)])
}

/**
 * Removes every link whose DEL has answered, all in one wait of the kernel. The group is deleted only after a dump
 * has shown that each of its members is ours; otherwise one by one.
 * @param leaving endpoints whose DEL has answered; some links may have gone by themselves, with their pod's namespace
 * @returns those of them whose links are gone
 */
export function sweepDeleted(socket: NetlinkSocket, leaving: readonly Endpoint[]): readonly Endpoint[] {
  const { deleting } = ownLinks(socket.dump(getLinks()).map(parseLink))
  if (deleting.length > 0) removeLinks(socket, deleting)
  const standing = new Set(socket.dump(getLinks()).map((b) => parseLink(b).name))
  return leaving.filter((e) => !standing.has(e.link.name))
}

function removeLinks(socket: NetlinkSocket, deleting: readonly Endpoint[]): void {
  socket.batch(deleting.map((e) => setLink(e.link.index, { group: DELETING_GROUP })))
  const members = socket
    .dump(getLinks())
    .map(parseLink)
    .filter((l) => l.group === DELETING_GROUP)
  const ours = new Set(deleting.map((e) => e.link.index))
  if (members.every((l) => ours.has(l.index))) socket.request(delLinkGroup(DELETING_GROUP))
  else socket.batch(deleting.map((e) => delLink(e.link.index)))
}

/** The remains of a crash between link and alias. */
export function dropHalfMade(socket: NetlinkSocket, links: readonly LinkRow[]): readonly string[] {
  socket.batch(links.map((l) => delLink(l.index)))
  return links.map((l) => l.name)
}

const BITS = 8
/** CNI counts bits, the kernel bytes. Without a burst: a tenth of a second's worth. */
function bucket(rate = 0, burst = 0): TokenBucket | undefined {
  if (rate === 0) return undefined
  const bytesPerSecond = Math.max(1, Math.floor(rate / BITS))
  return {
    bytesPerSecond,
    burstBytes: burst > 0 ? Math.floor(burst / BITS) : Math.floor(bytesPerSecond / 10),
  }
}

function writeAll(socket: NetlinkSocket, messages: readonly Message[]): Result<void> {
  const faults: Fault[] = []
  socket.batch(messages).forEach((answer, i) => {
    const message = messages[i]
    if (message && !answer.ok) faults.push(answerFault(message, answer))
  })
  return faults[0] ? err(faults[0]) : ok(undefined)
}
