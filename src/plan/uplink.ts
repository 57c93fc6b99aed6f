// Which interface carries the node's traffic to other nodes, and which addresses stand on it. PURE.

import { cidrContains } from '../base/cidr.ts'
import type { IfIndex } from '../base/ifindex.ts'
import type { Ip } from '../base/ip.ts'
import type { Mac } from '../base/mac.ts'
import { fault, ok, type Result } from '../base/result.ts'
import { type AddressRow, addressRange } from '../kernel/netlink/address.ts'
import type { LinkRow } from '../kernel/netlink/link.ts'
import type { Config } from '../schema/config.ts'
import { matchesPattern } from '../schema/pattern.ts'
import { POD_LINK_PREFIX, VXLAN_LINK } from './ownership.ts'

export type Uplink = {
  readonly index: IfIndex
  readonly name: string
  readonly mtuBytes: number
  /** Undefined if it is no Ethernet device. */
  readonly mac: Mac | undefined
  /** Global addresses with the length of their on-link range. */
  readonly addresses: readonly AddressRow[]
}

export type UplinkFacts = {
  readonly links: readonly LinkRow[]
  readonly addresses: readonly AddressRow[]
  /** The kernel's way to `uplink.canReach`, where that is configured. */
  readonly wayTo: IfIndex | undefined
}

const LOOPBACK = 1
const SCOPE_GLOBAL = 0

/** @param nodeAddresses the internal addresses that the API (or the static file) gives this node */
export function findUplink(
  config: Config['uplink'],
  nodeAddresses: readonly Ip[],
  facts: UplinkFacts,
): Result<Uplink> {
  const candidates = facts.links.filter(
    (l) => l.index !== LOOPBACK && !l.name.startsWith(POD_LINK_PREFIX) && l.name !== VXLAN_LINK,
  )
  const holder = facts.addresses.find((a) => nodeAddresses.includes(a.ip))
  const chosen = candidates.find((l) => {
    if (config.device !== undefined) return l.name === config.device
    if (config.pattern) return matchesPattern(config.pattern, l.name)
    if (config.canReach !== undefined) return l.index === facts.wayTo
    return l.index === holder?.index
  })
  if (!chosen) return notFound(config, nodeAddresses, candidates)
  const addresses = facts.addresses.filter((a) => a.index === chosen.index && a.scope === SCOPE_GLOBAL)
  return ok({ index: chosen.index, name: chosen.name, mtuBytes: chosen.mtuBytes, mac: chosen.mac, addresses })
}

function notFound(
  config: Config['uplink'],
  nodeAddresses: readonly Ip[],
  links: readonly LinkRow[],
): Result<never> {
  const wanted =
    config.device !== undefined
      ? `an interface named ${config.device}`
      : config.pattern
        ? `an interface that fits ${config.pattern.join(' or ')}`
        : config.canReach !== undefined
          ? `a route to ${config.canReach}`
          : `an interface that holds the node's address ${nodeAddresses.join(' or ') || '(none is known)'}`
  return fault(
    'no-uplink',
    'uplink',
    wanted,
    `interfaces ${links.map((l) => l.name).join(', ') || 'none'}`,
    'set uplink.device in the config, or correct the node’s InternalIP',
  )
}

/** True if `ip` is on the same L2 segment as the uplink, as far as its addresses tell. */
export const isOnLink = (uplink: Uplink, ip: Ip): boolean =>
  uplink.addresses.some((a) => a.ip !== ip && cidrContains(addressRange(a), ip))
