// Links (RTM_*LINK, linux/if_link.h): veth pairs, the vxlan device, changes, deletion by index or by group, dumps.

import type { IfIndex } from '../../base/ifindex.ts'
import type { Ip } from '../../base/ip.ts'
import { familyOf } from '../../base/ip.ts'
import { type Mac, macBytes, macFromBytes } from '../../base/mac.ts'
import {
  type Attributes,
  attr,
  attributes,
  be16Attr,
  concat,
  ipAttr,
  nest,
  readBe16,
  readIp,
  readS32,
  readText,
  readU8,
  readU32,
  textAttr,
  u8Attr,
  u32Attr,
} from './attribute.ts'
import { type Message, NLM_F_CREATE, NLM_F_EXCL } from './message.ts'

const RTM_NEWLINK = 16
const RTM_DELLINK = 17
const RTM_GETLINK = 18
const AF_INET6 = 10
const IFF_UP = 1
const IFLA = {
  ADDRESS: 1,
  IFNAME: 3,
  MTU: 4,
  LINK: 5,
  QDISC: 6,
  MASTER: 10,
  OPERSTATE: 16,
  LINKINFO: 18,
  IFALIAS: 20,
  AF_SPEC: 26,
  GROUP: 27,
  NET_NS_FD: 28,
  NUM_TX_QUEUES: 31,
  NUM_RX_QUEUES: 32,
  LINK_NETNSID: 37,
  TARGET_NETNSID: 46,
} as const // prettier-ignore
const INFO_KIND = 1
const INFO_DATA = 2
const VETH_INFO_PEER = 1
const VXLAN = {
  ID: 1,
  LOCAL: 4,
  TTL: 5,
  LEARNING: 7,
  PORT: 15,
  LOCAL6: 17,
  UDP_CSUM: 18,
  ZERO_CSUM6_TX: 19,
  ZERO_CSUM6_RX: 20,
} as const // prettier-ignore
const AF_INET = 2
const INET_CONF = 1
/** IPV4_DEVCONF_* (linux/ip.h): the same switches as /proc/sys/net/ipv4/conf/DEV, set with the link. */
const DEVCONF = { proxyArp: 3, sendRedirects: 6, reversePathFilter: 8, routeLocalnet: 26 } as const
export type Ipv4Switches = { readonly [K in keyof typeof DEVCONF]?: number }
const INET6_ADDR_GEN_MODE = 8
const ADDR_GEN_NONE = 1

export type VxlanFacts = {
  readonly vni: number
  readonly port: number
  readonly local: Ip | undefined
  readonly learning: boolean
  readonly udpChecksum: boolean
  readonly zeroChecksum6Tx: boolean
  readonly zeroChecksum6Rx: boolean
}

export type LinkRow = {
  readonly index: IfIndex
  readonly name: string
  /** `veth`, `netkit`, `vxlan`, … or undefined for hardware. */
  readonly kind: string | undefined
  readonly mac: Mac | undefined
  readonly mtuBytes: number
  readonly up: boolean
  readonly group: number
  readonly alias: string | undefined
  /** The root queueing discipline's kind, `noqueue` if it has none. */
  readonly queue: string | undefined
  readonly master: IfIndex | undefined
  /** Index of a pair's other end, in the namespace `peerNetnsId`. */
  readonly peerIndex: number | undefined
  readonly peerNetnsId: number | undefined
  readonly vxlan: VxlanFacts | undefined
}

const header = (index: number, flags = 0, change = 0): Uint8Array => {
  const out = new Uint8Array(16)
  const view = new DataView(out.buffer)
  view.setInt32(4, index, true)
  view.setUint32(8, flags, true)
  view.setUint32(12, change, true)
  return out
}

/** What every link of ours is made with. */
type LinkSpec = {
  readonly name: string
  readonly mac: Mac
  readonly mtuBytes: number
  readonly group: number
}

/** A new link, down. The MAC stands in this very message: udev would change one that the kernel chose. */
export function newLink(kind: string, spec: LinkSpec, data: readonly Uint8Array[]): Message {
  return {
    type: RTM_NEWLINK,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    object: `${kind} ${spec.name}`,
    body: concat([
      header(0),
      textAttr(IFLA.IFNAME, spec.name),
      attr(IFLA.ADDRESS, macBytes(spec.mac)),
      u32Attr(IFLA.MTU, spec.mtuBytes),
      u32Attr(IFLA.GROUP, spec.group),
      nest(IFLA.LINKINFO, [textAttr(INFO_KIND, kind), nest(INFO_DATA, data)]),
    ]),
  }
}

/** A link of two ends; the spec's own is the host's. */
export type PairSpec = LinkSpec & {
  readonly peer: { readonly name: string; readonly mac: Mac; readonly netnsFd: number }
}

/** Both ends, down, in one message, the peer made directly in its namespace (an end up before both exist is refused). */
export const addVeth = (spec: PairSpec): Message =>
  newLink('veth', spec, [attr(VETH_INFO_PEER, peerInfo(spec))])

/** What describes the other end: a message of its own inside. */
export const peerInfo = (spec: PairSpec): Uint8Array =>
  concat([
    header(0),
    textAttr(IFLA.IFNAME, spec.peer.name),
    attr(IFLA.ADDRESS, macBytes(spec.peer.mac)),
    u32Attr(IFLA.MTU, spec.mtuBytes),
    u32Attr(IFLA.NET_NS_FD, spec.peer.netnsFd),
  ])

export type VxlanSpec = LinkSpec & { readonly vni: number; readonly port: number; readonly local: Ip }

/** A unicast device, still down, without learning, on no particular uplink: its destinations are the FDB's alone. */
export const addVxlan = (spec: VxlanSpec): Message =>
  newLink('vxlan', spec, [
    u32Attr(VXLAN.ID, spec.vni),
    ipAttr(familyOf(spec.local) === 4 ? VXLAN.LOCAL : VXLAN.LOCAL6, spec.local),
    u8Attr(VXLAN.LEARNING, 0),
    be16Attr(VXLAN.PORT, spec.port),
    u8Attr(VXLAN.UDP_CSUM, 0),
    u8Attr(VXLAN.ZERO_CSUM6_TX, 1),
    u8Attr(VXLAN.ZERO_CSUM6_RX, 1),
  ])

/** A bridge, for the lab's segments: up, with a MAC of the kernel's choice. */
export function addBridge(name: string, mtuBytes: number): Message {
  return {
    type: RTM_NEWLINK,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    object: `bridge ${name}`,
    body: concat([
      header(0, IFF_UP, IFF_UP),
      textAttr(IFLA.IFNAME, name),
      u32Attr(IFLA.MTU, mtuBytes),
      nest(IFLA.LINKINFO, [textAttr(INFO_KIND, 'bridge')]),
    ]),
  }
}

export type LinkChange = {
  readonly up?: boolean
  readonly name?: string
  readonly alias?: string
  readonly group?: number
  readonly mtuBytes?: number
  readonly mac?: Mac
  /** 0 takes the link out of its bridge. */
  readonly master?: number
  /** No IPv6 link-local address of the kernel's own making. The kernel refuses this in the message that makes a link. */
  readonly noLinkLocal?: true
  readonly ipv4?: Ipv4Switches
}

/** Changes a link named by its index or, in the same batch that makes it, by its name. */
export function setLink(link: IfIndex | string, change: LinkChange): Message {
  const flags = change.up ? IFF_UP : 0
  const index = typeof link === 'string' ? 0 : link
  return {
    type: RTM_NEWLINK,
    flags: 0,
    object: `link ${link}`,
    body: concat([
      header(index, flags, change.up === undefined ? 0 : IFF_UP),
      ...(typeof link === 'string' ? [textAttr(IFLA.IFNAME, link)] : []),
      ...familySpecific(change),
      ...(change.name === undefined ? [] : [textAttr(IFLA.IFNAME, change.name)]),
      ...(change.alias === undefined ? [] : [attr(IFLA.IFALIAS, Buffer.from(change.alias))]),
      ...(change.group === undefined ? [] : [u32Attr(IFLA.GROUP, change.group)]),
      ...(change.mtuBytes === undefined ? [] : [u32Attr(IFLA.MTU, change.mtuBytes)]),
      ...(change.mac === undefined ? [] : [attr(IFLA.ADDRESS, macBytes(change.mac))]),
      ...(change.master === undefined ? [] : [u32Attr(IFLA.MASTER, change.master)]),
    ]),
  }
}

function familySpecific(change: LinkChange): Uint8Array[] {
  const inside: Uint8Array[] = []
  if (change.ipv4) {
    const switches = Object.entries(change.ipv4) as [keyof typeof DEVCONF, number][]
    inside.push(
      nest(AF_INET, [
        nest(
          INET_CONF,
          switches.map(([name, value]) => u32Attr(DEVCONF[name], value)),
        ),
      ]),
    )
  }
  if (change.noLinkLocal) inside.push(nest(AF_INET6, [u8Attr(INET6_ADDR_GEN_MODE, ADDR_GEN_NONE)]))
  return inside.length > 0 ? [nest(IFLA.AF_SPEC, inside)] : []
}

export const delLink = (index: IfIndex): Message => ({
  type: RTM_DELLINK,
  flags: 0,
  object: `link ${index}`,
  body: header(index),
})

/** All links of a group at once: one wait of the kernel instead of one for each. */
export const delLinkGroup = (group: number): Message => ({
  type: RTM_DELLINK,
  flags: 0,
  object: `link group ${group}`,
  body: concat([header(0), u32Attr(IFLA.GROUP, group)]),
})

export const getLinks = (): Message => ({ type: RTM_GETLINK, flags: 0, object: 'links', body: header(0) })

export const getLinkByName = (name: string): Message => ({
  type: RTM_GETLINK,
  flags: 0,
  object: `link ${name}`,
  body: concat([header(0), textAttr(IFLA.IFNAME, name)]),
})

/** @param netnsId of another namespace, as `peerNetnsId` has it: its link is read from here */
export const getLink = (index: number, netnsId?: number): Message => ({
  type: RTM_GETLINK,
  flags: 0,
  object: `link ${index}`,
  body: concat([header(index), ...(netnsId === undefined ? [] : [u32Attr(IFLA.TARGET_NETNSID, netnsId)])]),
})

/** One RTM_NEWLINK or RTM_DELLINK body. */
export function parseLink(body: Uint8Array): LinkRow {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  const all = attributes(body.subarray(16))
  const info = attributes(all.get(IFLA.LINKINFO) ?? new Uint8Array(0))
  const kind = readText(info.get(INFO_KIND))
  const mac = all.get(IFLA.ADDRESS)
  return {
    index: view.getInt32(4, true) as IfIndex,
    name: readText(all.get(IFLA.IFNAME)) ?? '',
    kind,
    mac: mac?.length === 6 ? macFromBytes(mac) : undefined,
    mtuBytes: readU32(all.get(IFLA.MTU)) ?? 0,
    up: (view.getUint32(8, true) & IFF_UP) !== 0,
    group: readU32(all.get(IFLA.GROUP)) ?? 0,
    alias: readText(all.get(IFLA.IFALIAS)),
    queue: readText(all.get(IFLA.QDISC)),
    master: readU32(all.get(IFLA.MASTER)) as IfIndex | undefined,
    peerIndex: readU32(all.get(IFLA.LINK)),
    peerNetnsId: readS32(all.get(IFLA.LINK_NETNSID)),
    vxlan: kind === 'vxlan' ? vxlanFacts(attributes(info.get(INFO_DATA) ?? new Uint8Array(0))) : undefined,
  }
}

function vxlanFacts(data: Attributes): VxlanFacts {
  return {
    vni: readU32(data.get(VXLAN.ID)) ?? 0,
    port: readBe16(data.get(VXLAN.PORT)) ?? 0,
    local: readIp(data.get(VXLAN.LOCAL)) ?? readIp(data.get(VXLAN.LOCAL6)),
    learning: readU8(data.get(VXLAN.LEARNING)) === 1,
    udpChecksum: readU8(data.get(VXLAN.UDP_CSUM)) === 1,
    zeroChecksum6Tx: readU8(data.get(VXLAN.ZERO_CSUM6_TX)) === 1,
    zeroChecksum6Rx: readU8(data.get(VXLAN.ZERO_CSUM6_RX)) === 1,
  }
}
