// What a pod's link is called, which MAC it has and which links are ours: pure functions of identity and address.

import { createHash } from 'node:crypto'
import { familyOf, type Ip, ipBytes } from '../base/ip.ts'
import { localMac, type Mac, macFromBytes, parseMac } from '../base/mac.ts'
import { must } from '../base/result.ts'
import type { LinkRow } from '../kernel/netlink/link.ts'
import {
  ALIAS_BYTES,
  aliasOf,
  type Endpoint,
  endpointKey,
  isDeviceKind,
  type Owner,
  parseAlias,
} from '../state/endpoint.ts'
import { GATEWAY_MAC, POD_GROUP, POD_LINK_PREFIX } from './ownership.ts'

const hash = (text: string): Buffer => createHash('sha256').update(text).digest()

/** `podl` and 11 hex digits: 15 characters, the kernel's longest. The same attachment has the same name for ever. */
export const podLinkName = (id: { containerId: string; ifName: string }): string =>
  POD_LINK_PREFIX + hash(endpointKey(id)).toString('hex').slice(0, 11)

/** Container IDs and network names too long for the alias are kept as a hash; comparing goes through here too. */
export const shortId = (text: string, longest = 64): string =>
  text.length <= longest
    ? text
    : `h.${hash(text)
        .toString('hex')
        .slice(0, longest - 2)}`
export const NETWORK_LENGTH = 18

/** The pod's MAC where none was asked for: of its first address, so that no two pods of a node share one. */
export function podMac(addresses: readonly Ip[]): Mac {
  const first = addresses[0]
  if (first === undefined) throw new Error('an endpoint without address has no MAC')
  return addressMac(first, 0x0a)
}

/** The MAC of a node's VXLAN device: every node can compute every other's from its address. */
export const vxlanMac = (nodeAddress: Ip): Mac => addressMac(nodeAddress, 0x0e)

/** First byte, «p», and the four bytes of an IPv4 address; a hash of an IPv6 one. */
function addressMac(ip: Ip, first: number): Mac {
  if (familyOf(ip) === 4) return macFromBytes(Uint8Array.of(first, 0x70, ...ipBytes(ip)))
  const bytes = hash(ip)
  bytes[0] = first
  return localMac(bytes)
}

export const gatewayMac = must(parseMac(GATEWAY_MAC))

/** The alias of a whole endpoint; too long only if many fixed addresses were asked for. */
export function fits(owner: Owner): boolean {
  return Buffer.byteLength(aliasOf(owner, true)) <= ALIAS_BYTES
}

export type OwnLinks = {
  readonly endpoints: readonly Endpoint[]
  /** DEL has answered, the link still stands. */
  readonly deleting: readonly Endpoint[]
  /** Ours by name, kind and group, but never committed: a crash's remains. */
  readonly halfMade: readonly LinkRow[]
}

/**
 * Sorts a dump of links. A link is ours if it is a pair's end whose name is the one that its alias gives it, whatever group
 * somebody moved it to: an address must not become free while its pod lives. One without alias is ours by its group,
 * which it has from its first moment.
 */
export function ownLinks(links: readonly LinkRow[]): OwnLinks {
  const endpoints: Endpoint[] = []
  const deleting: Endpoint[] = []
  const halfMade: LinkRow[] = []
  for (const link of links) {
    if (!isDeviceKind(link.kind) || !link.name.startsWith(POD_LINK_PREFIX)) continue
    const alias = link.alias === undefined ? undefined : parseAlias(link.alias)
    if (!alias || link.mac === undefined) {
      if (link.group === POD_GROUP && link.alias === undefined) halfMade.push(link)
      continue
    }
    if (link.name !== podLinkName(alias.owner)) continue
    const { kind, index, name, mac, mtuBytes } = link
    const row = { ...alias.owner, link: { kind, index, name, mac, mtuBytes } }
    if (alias.deleting) deleting.push(row)
    else endpoints.push(row)
  }
  return { endpoints, deleting, halfMade }
}
