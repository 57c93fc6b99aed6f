// Interface addresses (RTM_*ADDR, linux/if_addr.h).

import { type Cidr, cidrOf } from '../../base/cidr.ts'
import type { IfIndex } from '../../base/ifindex.ts'
import { bitsOf, familyOf, type Ip } from '../../base/ip.ts'
import { attributes, concat, ipAttr, readIp, readU32, u32Attr } from './attribute.ts'
import { type Message, NLM_F_CREATE, NLM_F_REPLACE } from './message.ts'

const RTM_NEWADDR = 20
const RTM_DELADDR = 21
const RTM_GETADDR = 22
const IFA_ADDRESS = 1
const IFA_LOCAL = 2
const IFA_FLAGS = 8
const IFA_F_NODAD = 0x02
const IFA_F_NOPREFIXROUTE = 0x200
export const AF_INET = 2
export const AF_INET6 = 10
export const afOf = (ip: Ip): number => (familyOf(ip) === 4 ? AF_INET : AF_INET6)

export type AddressRow = {
  readonly index: IfIndex
  readonly ip: Ip
  readonly prefixLength: number
  readonly flags: number
  readonly scope: number
}

function header(address: { ip: Ip; prefixLength: number; index: number }, scope: number): Uint8Array {
  const out = new Uint8Array(8)
  out[0] = afOf(address.ip)
  out[1] = address.prefixLength
  out[3] = scope
  new DataView(out.buffer).setUint32(4, address.index, true)
  return out
}

type AddressSpec = { readonly index: IfIndex; readonly ip: Ip; readonly prefixLength: number }

/** Without duplicate address detection and without a route of the kernel's own. Success too if it is there. */
export const addAddress = (a: AddressSpec): Message => ({
  type: RTM_NEWADDR,
  flags: NLM_F_CREATE | NLM_F_REPLACE,
  object: `address ${a.ip}/${a.prefixLength} on link ${a.index}`,
  body: concat([
    header(a, a.ip.startsWith('fe80:') ? 253 : 0),
    ipAttr(IFA_LOCAL, a.ip),
    ipAttr(IFA_ADDRESS, a.ip),
    u32Attr(IFA_FLAGS, IFA_F_NODAD | (a.prefixLength === bitsOf(familyOf(a.ip)) ? IFA_F_NOPREFIXROUTE : 0)),
  ]),
})

export const delAddress = (a: AddressSpec): Message => ({
  type: RTM_DELADDR,
  flags: 0,
  object: `address ${a.ip}/${a.prefixLength} on link ${a.index}`,
  body: concat([header(a, 0), ipAttr(IFA_LOCAL, a.ip), ipAttr(IFA_ADDRESS, a.ip)]),
})

export const getAddresses = (): Message => ({
  type: RTM_GETADDR,
  flags: 0,
  object: 'addresses',
  body: new Uint8Array(8),
})

export function parseAddress(body: Uint8Array): AddressRow | undefined {
  const all = attributes(body.subarray(8))
  const ip = readIp(all.get(IFA_LOCAL)) ?? readIp(all.get(IFA_ADDRESS))
  if (!ip) return undefined
  return {
    index: new DataView(body.buffer, body.byteOffset).getUint32(4, true) as IfIndex,
    ip,
    prefixLength: body[1] ?? 0,
    flags: readU32(all.get(IFA_FLAGS)) ?? body[2] ?? 0,
    scope: body[3] ?? 0,
  }
}

/** The on-link range that an address spans. */
export const addressRange = (row: AddressRow): Cidr => cidrOf(row.ip, row.prefixLength)
