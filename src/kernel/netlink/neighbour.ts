// Neighbours (ARP and ND entries) and forwarding entries of the vxlan device (RTM_*NEIGH, linux/neighbour.h).

import type { IfIndex } from '../../base/ifindex.ts'
import type { Ip } from '../../base/ip.ts'
import { type Mac, macBytes, macFromBytes } from '../../base/mac.ts'
import { AF_INET, AF_INET6, afOf } from './address.ts'
import { attr, attributes, concat, ipAttr, readIp, readU8, readU32, u8Attr, u32Attr } from './attribute.ts'
import { type Message, NLM_F_CREATE, NLM_F_REPLACE } from './message.ts'

const RTM_NEWNEIGH = 28
const RTM_DELNEIGH = 29
const RTM_GETNEIGH = 30
const AF_BRIDGE = 7
const NDA = { DST: 1, LLADDR: 2, PROTOCOL: 12, FLAGS_EXT: 15 } as const
export const NUD_REACHABLE = 0x02
export const NUD_FAILED = 0x20
export const NUD_NOARP = 0x40
export const NUD_PERMANENT = 0x80
const NTF_SELF = 0x02
const NTF_EXT_LEARNED = 0x10
const NTF_EXT_MANAGED = 1

export type NeighbourRow = {
  readonly device: IfIndex
  readonly ip: Ip
  readonly mac: Mac | undefined
  readonly state: number
  readonly protocol: number
  /** The kernel keeps it resolved by itself (NTF_EXT_MANAGED, 5.16). */
  readonly managed: boolean
  /** Said to be learned elsewhere: it takes none of the `gc_thresh3` places that all namespaces share (from 5.0 on). */
  readonly isLearnedElsewhere: boolean
}

export type FdbRow = { readonly device: IfIndex; readonly mac: Mac; readonly dst: Ip; readonly state: number }

function header(af: number, device: number, state: number, flags: number): Uint8Array {
  const out = new Uint8Array(12)
  const view = new DataView(out.buffer)
  out[0] = af
  view.setInt32(4, device, true)
  view.setUint16(8, state, true)
  out[10] = flags
  return out
}

type Fixed = { readonly device: IfIndex; readonly ip: Ip; readonly mac: Mac; readonly protocol: number }

/** An entry that never ages and that no packet can change. */
export const setNeighbour = (n: Fixed): Message => ({
  type: RTM_NEWNEIGH,
  flags: NLM_F_CREATE | NLM_F_REPLACE,
  object: `neighbour ${n.ip} dev ${n.device}`,
  body: concat([
    header(afOf(n.ip), n.device, NUD_PERMANENT, 0),
    ipAttr(NDA.DST, n.ip),
    attr(NDA.LLADDR, macBytes(n.mac)),
    u8Attr(NDA.PROTOCOL, n.protocol),
  ]),
})

/**
 * An entry that the kernel resolves now and keeps resolved by probing. Said to be learned elsewhere it is not counted: a
 * thousand peers would leave no entry for anybody else on the host, since the kernel's default is 1,024 for all namespaces.
 */
export const manageNeighbour = (n: { device: IfIndex; ip: Ip; protocol: number }): Message => ({
  type: RTM_NEWNEIGH,
  flags: NLM_F_CREATE | NLM_F_REPLACE,
  object: `managed neighbour ${n.ip} dev ${n.device}`,
  body: concat([
    header(afOf(n.ip), n.device, 0, NTF_EXT_LEARNED),
    ipAttr(NDA.DST, n.ip),
    u8Attr(NDA.PROTOCOL, n.protocol),
    u32Attr(NDA.FLAGS_EXT, NTF_EXT_MANAGED),
  ]),
})

export const delNeighbour = (n: { device: IfIndex; ip: Ip }): Message => ({
  type: RTM_DELNEIGH,
  flags: 0,
  object: `neighbour ${n.ip} dev ${n.device}`,
  body: concat([header(afOf(n.ip), n.device, 0, 0), ipAttr(NDA.DST, n.ip)]),
})

type FdbSpec = { readonly device: IfIndex; readonly mac: Mac; readonly dst: Ip }

/** Frames to `mac` leave the vxlan device for the node `dst`. */
export const setFdb = (f: FdbSpec): Message => ({
  type: RTM_NEWNEIGH,
  flags: NLM_F_CREATE | NLM_F_REPLACE,
  object: `fdb ${f.mac} dst ${f.dst} dev ${f.device}`,
  body: concat([
    header(AF_BRIDGE, f.device, NUD_PERMANENT, NTF_SELF),
    attr(NDA.LLADDR, macBytes(f.mac)),
    ipAttr(NDA.DST, f.dst),
  ]),
})

export const delFdb = (f: FdbSpec): Message => ({
  type: RTM_DELNEIGH,
  flags: 0,
  object: `fdb ${f.mac} dst ${f.dst} dev ${f.device}`,
  body: concat([
    header(AF_BRIDGE, f.device, NUD_PERMANENT, NTF_SELF),
    attr(NDA.LLADDR, macBytes(f.mac)),
    ipAttr(NDA.DST, f.dst),
  ]),
})

/** All entries of one family, of every device. */
export const getNeighbours = (family: 4 | 6): Message => ({
  type: RTM_GETNEIGH,
  flags: 0,
  object: `neighbours of IPv${family}`,
  body: header(family === 4 ? AF_INET : AF_INET6, 0, 0, 0),
})

/** One entry; ENOENT if there is none (5.0). */
export const getNeighbour = (n: { readonly device: IfIndex; readonly ip: Ip }): Message => ({
  type: RTM_GETNEIGH,
  flags: 0,
  object: `neighbour ${n.ip} dev ${n.device}`,
  body: concat([header(afOf(n.ip), n.device, 0, 0), ipAttr(NDA.DST, n.ip)]),
})

/** Where the device sends frames to this MAC; ENOENT if it has no entry (5.0). */
export const getFdbEntry = (f: { readonly device: IfIndex; readonly mac: Mac }): Message => ({
  type: RTM_GETNEIGH,
  flags: 0,
  object: `fdb ${f.mac} dev ${f.device}`,
  body: concat([header(AF_BRIDGE, f.device, 0, NTF_SELF), attr(NDA.LLADDR, macBytes(f.mac))]),
})

export const getFdb = (device: IfIndex): Message => ({
  type: RTM_GETNEIGH,
  flags: 0,
  object: `fdb of link ${device}`,
  body: header(AF_BRIDGE, device, 0, 0),
})

export function parseNeighbour(body: Uint8Array): NeighbourRow | undefined {
  const all = attributes(body.subarray(12))
  const ip = readIp(all.get(NDA.DST))
  if (!ip || body[0] === AF_BRIDGE) return undefined
  const view = new DataView(body.buffer, body.byteOffset)
  const mac = all.get(NDA.LLADDR)
  return {
    device: view.getInt32(4, true) as IfIndex,
    ip,
    mac: mac?.length === 6 ? macFromBytes(mac) : undefined,
    state: view.getUint16(8, true),
    protocol: readU8(all.get(NDA.PROTOCOL)) ?? 0,
    managed: ((readU32(all.get(NDA.FLAGS_EXT)) ?? 0) & NTF_EXT_MANAGED) !== 0,
    isLearnedElsewhere: ((body[10] ?? 0) & NTF_EXT_LEARNED) !== 0,
  }
}

export function parseFdb(body: Uint8Array): FdbRow | undefined {
  if (body[0] !== AF_BRIDGE) return undefined
  const all = attributes(body.subarray(12))
  const mac = all.get(NDA.LLADDR)
  const dst = readIp(all.get(NDA.DST))
  if (mac?.length !== 6 || !dst) return undefined
  const view = new DataView(body.buffer, body.byteOffset)
  return {
    device: view.getInt32(4, true) as IfIndex,
    mac: macFromBytes(mac),
    dst,
    state: view.getUint16(8, true),
  }
}
