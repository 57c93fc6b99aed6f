// A node for a bench: a network namespace with an uplink into a second one, which stands for the rest of the segment.

import type { IfIndex } from '../../src/base/ifindex.ts'
import { type Ip, parseIp } from '../../src/base/ip.ts'
import { parseMac } from '../../src/base/mac.ts'
import { must } from '../../src/base/result.ts'
import { addAddress } from '../../src/kernel/netlink/address.ts'
import { addVeth, getLinkByName, parseLink, setLink } from '../../src/kernel/netlink/link.ts'
import { NETLINK_ROUTE, NetlinkSocket } from '../../src/kernel/netlink/socket.ts'
import { createNetns, openNetns, withNetnsPath } from '../../src/kernel/netns.ts'
import { FOLDER } from './sandbox.ts'

const LOOPBACK = 1 as IfIndex

export type NodeNamespace = { readonly path: string; readonly segment: string }

/** @returns the path of a new namespace */
export function makeNamespace(name: string): string {
  const path = `${FOLDER}/netns/${name}`
  createNetns(path)
  return path
}

/** `eth0` with `address` in the node; its other end in a namespace of its own, which answers ARP for `others`. */
export function makeNode(
  name: string,
  address: { readonly ip: Ip; readonly prefixLength: number },
  others: readonly Ip[] = [],
): NodeNamespace {
  const path = makeNamespace(name)
  const segment = makeNamespace(`${name}-segment`)
  const netnsFd = openNetns(segment)
  inNamespace(path, (socket) => {
    const peer = { name: 'eth0', mac: must(parseMac('02:00:00:00:01:02')), netnsFd }
    const mac = must(parseMac('02:00:00:00:01:01'))
    socket.batch([addVeth({ name: 'eth0', mac, mtuBytes: 1500, group: 0, peer })])
    configure(socket, [address.ip], address.prefixLength)
  })
  inNamespace(segment, (socket) => configure(socket, others, address.prefixLength))
  return { path, segment }
}

function configure(socket: NetlinkSocket, ips: readonly Ip[], prefixLength: number): void {
  const read = socket.request(getLinkByName('eth0'))
  const reply = read.ok ? read.replies[0] : undefined
  if (!reply) throw new Error('eth0 was not made')
  const { index } = parseLink(reply)
  const messages = [
    setLink(LOOPBACK, { up: true }),
    // No address or neighbour of the kernel's own making may come up in the middle of a measurement.
    setLink(index, { noLinkLocal: true }),
    setLink(index, { up: true }),
    ...ips.map((ip) => addAddress({ index, ip, prefixLength })),
  ]
  for (const answer of socket.batch(messages)) if (!answer.ok) throw new Error(`eth0: ${answer.text}`)
}

/** With a route socket of the namespace, closed afterwards. */
export function inNamespace<T>(path: string, work: (socket: NetlinkSocket) => T): T {
  const socket = withNetnsPath(path, () => new NetlinkSocket(NETLINK_ROUTE))
  try {
    return work(socket)
  } finally {
    socket.close()
  }
}

export const ip = (text: string): Ip => must(parseIp(text))
