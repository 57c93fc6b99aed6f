// What this kernel can do of what Podlane uses, found by doing it once in a namespace of its own that is gone
// afterwards. Never assumed from a version number; what is missing is named by `podlane status`.

import { closeSync, existsSync, openSync } from 'node:fs'
import { release } from 'node:os'
import type { IfIndex } from '../base/ifindex.ts'
import { parseIp } from '../base/ip.ts'
import { parseMac } from '../base/mac.ts'
import { must } from '../base/result.ts'
import { errnoName } from '../kernel/errno.ts'
import { addVeth, addVxlan, getLinkByName, parseLink, setLink } from '../kernel/netlink/link.ts'
import type { Answer, Message } from '../kernel/netlink/message.ts'
import { manageNeighbour } from '../kernel/netlink/neighbour.ts'
import { addNetkit } from '../kernel/netlink/netkit.ts'
import { setTokenBucket } from '../kernel/netlink/qdisc.ts'
import { NETLINK_NETFILTER, NETLINK_ROUTE, NetlinkSocket } from '../kernel/netlink/socket.ts'
import { withScratchNetns } from '../kernel/netns.ts'
import { deleteFlows4 } from '../kernel/nft/conntrack.ts'
import { ROUTE_PROTOCOL } from '../plan/ownership.ts'

export type Features = Readonly<Record<string, string>>

const ENOENT = 2
const ip = must(parseIp('192.0.2.1'))
const mac = must(parseMac('02:00:00:00:00:01'))

/** By name: `yes`, or `no:` with what the kernel said. Runs within a few milliseconds; the caller keeps the answer. */
export function probeFeatures(): Features {
  const probed = withScratchNetns(() => {
    const route = new NetlinkSocket(NETLINK_ROUTE)
    const netfilter = new NetlinkSocket(NETLINK_NETFILTER)
    try {
      return probe(route, netfilter)
    } finally {
      route.close()
      netfilter.close()
    }
  })
  return {
    kernel: release(),
    ...probed,
    ipv6: existsSync('/proc/net/if_inet6') ? 'yes' : 'no: the host has it off',
  }
}

function probe(route: NetlinkSocket, netfilter: NetlinkSocket): Features {
  const ask = (message: Message, alsoFine = 0): string => said(route.request(message), alsoFine)
  const own = openSync('/proc/thread-self/ns/net', 'r')
  const pair = (name: string) => ({
    ...{ name, mac, mtuBytes: 1500, group: 0 },
    peer: { name: `${name}p`, mac, netnsFd: own },
  })
  const veth = ask(addVeth(pair('probe0')))
  const netkit = ask(addNetkit(pair('probe1')))
  closeSync(own)
  const read = route.request(getLinkByName('probe0'))
  const device = read.ok && read.replies[0] ? parseLink(read.replies[0]).index : (1 as IfIndex)
  ask(setLink(device, { up: true }))
  return {
    veth,
    netkit,
    vxlan: ask(addVxlan({ name: 'probe2', mac, mtuBytes: 1450, group: 0, vni: 1, port: 4789, local: ip })),
    'token bucket (bandwidth)': ask(
      setTokenBucket(device, { bytesPerSecond: 1_000_000, burstBytes: 100_000 }),
    ),
    'managed neighbours': ask(manageNeighbour({ device, ip, protocol: ROUTE_PROTOCOL })),
    'flow removal by address': said(netfilter.request(deleteFlows4(ip)[0] as Message), ENOENT),
  }
}

const said = (answer: Answer, alsoFine: number): string =>
  answer.ok || answer.errno === alsoFine ? 'yes' : `no: ${errnoName(answer.errno)} ${answer.text}`.trim()
