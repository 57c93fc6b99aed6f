// Routes (RTM_*ROUTE, linux/rtnetlink.h) of the main table, and the kernel's answer to «which way to X».

import { type Cidr, cidrFamily, cidrLength, cidrNetwork, cidrOf } from '../../base/cidr.ts'
import type { IfIndex } from '../../base/ifindex.ts'
import { bitsOf, type Family, familyOf, type Ip } from '../../base/ip.ts'
import { AF_INET, AF_INET6, afOf } from './address.ts'
import { attributes, concat, ipAttr, nest, readIp, readU32, u32Attr } from './attribute.ts'
import { type Message, NLM_F_CREATE, NLM_F_REPLACE } from './message.ts'

const RTM_NEWROUTE = 24
const RTM_DELROUTE = 25
const RTM_GETROUTE = 26
const RTA = { DST: 1, OIF: 4, GATEWAY: 5, PRIORITY: 6, PREFSRC: 7, METRICS: 8, TABLE: 15 } as const
const RTAX_MTU = 2
const RTNH_F_ONLINK = 4
const RT_TABLE_MAIN = 254
const SCOPE = { universe: 0, link: 253, host: 254 } as const
const TYPES = { unicast: 1, local: 2, blackhole: 6, unreachable: 7 } as const
export type RouteType = keyof typeof TYPES

export type RouteSpec = {
  readonly dst: Cidr
  readonly type: RouteType
  readonly device?: IfIndex
  readonly gateway?: Ip
  /** The gateway is on the link although no address of ours says so. */
  readonly onLink?: boolean
  readonly source?: Ip
  readonly mtuBytes?: number
  readonly metric?: number
  readonly protocol: number
}

export type RouteRow = RouteSpec & { readonly table: number; readonly flags: number; readonly scope: number }

function header(spec: RouteSpec): Uint8Array {
  const out = new Uint8Array(12)
  out[0] = afOf(cidrNetwork(spec.dst))
  out[1] = cidrLength(spec.dst)
  out[4] = RT_TABLE_MAIN
  out[5] = spec.protocol
  out[6] =
    spec.type === 'unicast' && !spec.gateway && cidrFamily(spec.dst) === 4 ? SCOPE.link : SCOPE.universe
  out[7] = TYPES[spec.type]
  new DataView(out.buffer).setUint32(8, spec.onLink ? RTNH_F_ONLINK : 0, true)
  return out
}

/** `10.244.2.0/24 via 10.0.0.2 dev 3`, as `ip route` would say it. */
export function routeText(r: RouteSpec): string {
  const type = r.type === 'unicast' ? '' : `${r.type} `
  const via = r.gateway ? ` via ${r.gateway}` : ''
  return `route ${type}${r.dst}${via}${r.device === undefined ? '' : ` dev ${r.device}`}`
}

function body(spec: RouteSpec): Uint8Array {
  return concat([
    header(spec),
    ...(cidrLength(spec.dst) === 0 ? [] : [ipAttr(RTA.DST, cidrNetwork(spec.dst))]),
    ...(spec.device === undefined ? [] : [u32Attr(RTA.OIF, spec.device)]),
    ...(spec.gateway === undefined ? [] : [ipAttr(RTA.GATEWAY, spec.gateway)]),
    ...(spec.source === undefined ? [] : [ipAttr(RTA.PREFSRC, spec.source)]),
    ...(spec.metric === undefined ? [] : [u32Attr(RTA.PRIORITY, spec.metric)]),
    ...(spec.mtuBytes === undefined ? [] : [nest(RTA.METRICS, [u32Attr(RTAX_MTU, spec.mtuBytes)])]),
  ])
}

/** Adds, or replaces the route to the same range with the same metric. */
export const replaceRoute = (spec: RouteSpec): Message => ({
  type: RTM_NEWROUTE,
  flags: NLM_F_CREATE | NLM_F_REPLACE,
  object: routeText(spec),
  body: body(spec),
})

/** Adds; EEXIST if a route to the range with this metric is there, whoever made it. */
export const addRoute = (spec: RouteSpec): Message => ({
  type: RTM_NEWROUTE,
  flags: NLM_F_CREATE | 0x200,
  object: routeText(spec),
  body: body(spec),
})

/** Removes the route with these very facts, its protocol included: a foreign one to the same range is not met. */
export const delRoute = (spec: RouteSpec): Message => ({
  type: RTM_DELROUTE,
  flags: 0,
  object: routeText(spec),
  body: body(spec),
})

/** A dump of one family; the kernel filters by protocol (strict checking, 4.20). */
export function getRoutes(family: Family, protocol = 0): Message {
  const out = new Uint8Array(12)
  out[0] = family === 4 ? AF_INET : AF_INET6
  out[5] = protocol
  return { type: RTM_GETROUTE, flags: 0, object: `routes of IPv${family}`, body: out }
}

/** The kernel's own choice of way to an address. */
export function getRouteTo(ip: Ip): Message {
  const out = new Uint8Array(12)
  out[0] = afOf(ip)
  out[1] = bitsOf(familyOf(ip))
  return { type: RTM_GETROUTE, flags: 0, object: `way to ${ip}`, body: concat([out, ipAttr(RTA.DST, ip)]) }
}

/** Undefined for a type or table that is not ours to read (multicast, local, broadcast). */
export function parseRoute(bytes: Uint8Array): RouteRow | undefined {
  const type = (Object.keys(TYPES) as RouteType[]).find((t) => TYPES[t] === bytes[7])
  if (!type) return undefined
  const all = attributes(bytes.subarray(12))
  const family = bytes[0] === AF_INET ? 4 : 6
  const network = readIp(all.get(RTA.DST)) ?? ((family === 4 ? '0.0.0.0' : '::') as Ip)
  const metrics = attributes(all.get(RTA.METRICS) ?? new Uint8Array(0))
  const flags = new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true)
  return {
    dst: cidrOf(network, bytes[1] ?? 0),
    type,
    protocol: bytes[5] ?? 0,
    scope: bytes[6] ?? 0,
    table: readU32(all.get(RTA.TABLE)) ?? bytes[4] ?? 0,
    flags,
    ...given('device', readU32(all.get(RTA.OIF)) as IfIndex | undefined),
    ...given('gateway', readIp(all.get(RTA.GATEWAY))),
    ...given('source', readIp(all.get(RTA.PREFSRC))),
    ...given('metric', readU32(all.get(RTA.PRIORITY))),
    ...given('mtuBytes', readU32(metrics.get(RTAX_MTU))),
    ...(flags & RTNH_F_ONLINK ? { onLink: true } : {}),
  }
}

const given = <K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } =>
  value === undefined ? {} : ({ [key]: value } as { [P in K]?: V })

export { RT_TABLE_MAIN }
