// The inside of a pod: its interface with addresses, the gateway as a fixed neighbour, and a default route that
// carries the path MTU, so that TCP's segment size is right from the first packet.

import { writeFileSync } from 'node:fs'
import type { Cidr } from '../base/cidr.ts'
import type { IfIndex } from '../base/ifindex.ts'
import { bitsOf, type Family, familyOf, type Ip, parseIp } from '../base/ip.ts'
import { err, fault, must, ok, type Result } from '../base/result.ts'
import { addAddress } from '../kernel/netlink/address.ts'
import { getLinkByName, setLink } from '../kernel/netlink/link.ts'
import type { Message } from '../kernel/netlink/message.ts'
import { setNeighbour } from '../kernel/netlink/neighbour.ts'
import { setTokenBucket, type TokenBucket } from '../kernel/netlink/qdisc.ts'
import { getRouteTo, parseRoute, replaceRoute } from '../kernel/netlink/route.ts'
import { answerFault, NETLINK_ROUTE, NetlinkSocket } from '../kernel/netlink/socket.ts'
import { withNetns } from '../kernel/netns.ts'
import { GATEWAY_4, GATEWAY_6, ROUTE_PROTOCOL } from '../plan/ownership.ts'
import { gatewayMac } from '../plan/pod_link.ts'

const LOOPBACK = 1 as IfIndex
export const gatewayOf = (family: Family): Ip => must(parseIp(family === 4 ? GATEWAY_4 : GATEWAY_6))
export const defaultRange = (family: Family): Cidr => (family === 4 ? '0.0.0.0/0' : '::/0') as Cidr

export type PodSide = {
  readonly index: IfIndex
  readonly ifName: string
  readonly addresses: readonly Ip[]
  readonly mtuBytes: number
  /** What the pod may send, held by a token bucket on its own end: the sender is slowed, not its packets dropped. */
  readonly egress: TokenBucket | undefined
}

/**
 * Runs inside the pod's namespace for as long as a few writes take.
 * @param onHost makes the host's end and brings it up; when this returns, packets go through in both directions
 */
export function configurePod(netnsFd: number, pod: PodSide, onHost: () => Result<void>): Result<void> {
  const entered = withNetns(netnsFd, () => {
    const six = pod.addresses.some((a) => familyOf(a) === 6)
    const switched = six ? setIpv6Switches(pod.ifName) : ok(undefined)
    return switched.ok ? ok(new NetlinkSocket(NETLINK_ROUTE)) : switched
  })
  if (!entered.ok) return entered
  const socket = entered.value
  try {
    const messages = podMessages(pod)
    const answers = socket.batch(messages)
    for (const [i, answer] of answers.entries()) {
      const message = messages[i]
      if (message && !answer.ok) {
        return err(answerFault({ ...message, object: `${message.object} in the pod` }, answer))
      }
    }
    const done = onHost()
    if (done.ok) settle(socket, pod)
    return done
  } finally {
    socket.close()
  }
}

const SETTLE_TRIES = 200
const SETTLE_PAUSE_MS = 0.25

/**
 * Two things the kernel leaves to workers, which wait for whatever else changes links on this host. The end that came
 * up first drops what it is to send until the news of its carrier is worked off: asking for the link does that at
 * once (rtnl_getlink, 6.8). And an IPv6 address receives nothing until its local route is entered: looked for here.
 */
function settle(socket: NetlinkSocket, pod: PodSide): void {
  const sixes = pod.addresses.filter((ip) => familyOf(ip) === 6).map(getRouteTo)
  for (let i = 0; i < SETTLE_TRIES; i++) {
    const [, ...routes] = socket.batch([getLinkByName(pod.ifName), ...sixes])
    if (routes.every((r) => r.ok && r.replies[0] && parseRoute(r.replies[0])?.type === 'local')) return
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SETTLE_PAUSE_MS)
  }
}

function podMessages(pod: PodSide): Message[] {
  const device = pod.index
  const families = [...new Set(pod.addresses.map(familyOf))]
  return [
    setLink(LOOPBACK, { up: true }),
    setLink(device, { up: true }),
    ...pod.addresses.map((ip) => addAddress({ index: device, ip, prefixLength: bitsOf(familyOf(ip)) })),
    ...families.flatMap((family) => gatewayMessages(device, family, pod.mtuBytes)),
    ...(pod.egress ? [setTokenBucket(device, pod.egress)] : []),
  ]
}

function gatewayMessages(device: IfIndex, family: Family, mtuBytes: number): Message[] {
  const gateway = gatewayOf(family)
  const common = { type: 'unicast', device, protocol: ROUTE_PROTOCOL } as const
  return [
    // IPv6 reaches a link-local gateway without a route of its own.
    ...(family === 4 ? [replaceRoute({ ...common, dst: `${gateway}/32` as Cidr })] : []),
    setNeighbour({ device, ip: gateway, mac: gatewayMac, protocol: ROUTE_PROTOCOL }),
    replaceRoute({ ...common, dst: defaultRange(family), gateway, mtuBytes }),
  ]
}

/** Addresses are there at once (no duplicate detection on a link of two), and nobody's advertisements count. */
function setIpv6Switches(ifName: string): Result<void> {
  const root = `/proc/sys/net/ipv6/conf/${ifName}`
  for (const [name, value] of [
    ['disable_ipv6', '0'],
    ['accept_ra', '0'],
    ['accept_dad', '0'],
  ]) {
    try {
      writeFileSync(`${root}/${name}`, value ?? '')
    } catch (error) {
      const found = error instanceof Error ? error.message : String(error)
      const object = `sysctl net.ipv6.conf.${ifName}.${name} in the pod`
      return fault(
        'kernel',
        object,
        `${value}`,
        found,
        'give the agent a writable /proc/sys, and the host IPv6',
      )
    }
  }
  return ok(undefined)
}
