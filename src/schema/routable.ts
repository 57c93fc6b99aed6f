// Which addresses a node or a pod can have at all. One list for every source: the API, the static file, the config.

import { type Cidr, cidrBounds, cidrFamily, hostCidr, parseCidr } from '../base/cidr.ts'
import type { Ip } from '../base/ip.ts'
import { must } from '../base/result.ts'

/** RFC 6890: «this network», loopback, multicast, broadcast, IPv4-mapped, link-local of IPv6. */
const neverRouted = [
  ...['0.0.0.0/8', '127.0.0.0/8', '224.0.0.0/4', '255.255.255.255/32'],
  ...['::/127', '::ffff:0:0/96', 'fe80::/10', 'ff00::/8'],
].map((text) => {
  const cidr = must(parseCidr(text))
  return { family: cidrFamily(cidr), ...cidrBounds(cidr) }
})

/** False if any address of the range is one for which a route would cut the host off from itself. */
export function isRoutable(cidr: Cidr): boolean {
  const family = cidrFamily(cidr)
  const { first, last } = cidrBounds(cidr)
  return !neverRouted.some((r) => r.family === family && r.first <= last && first <= r.last)
}

export const isRoutableIp = (ip: Ip): boolean => isRoutable(hostCidr(ip))
