// Routes of the main table that carry our protocol number. A foreign route to the same range with the same metric
// stays and is named; ours waits until it is gone.

import { hostCidr } from '../base/cidr.ts'
import type { IfIndex } from '../base/ifindex.ts'
import { familyOf } from '../base/ip.ts'
import type { Fault } from '../base/result.ts'
import { EEXIST, ESRCH } from '../kernel/errno.ts'
import type { Message } from '../kernel/netlink/message.ts'
import {
  addRoute,
  delRoute,
  getRoutes,
  parseRoute,
  type RouteRow,
  type RouteSpec,
  RT_TABLE_MAIN,
  replaceRoute,
  routeText,
} from '../kernel/netlink/route.ts'
import { answerFault, type NetlinkSocket } from '../kernel/netlink/socket.ts'
import type { DesiredRoute } from '../plan/network.ts'
import { ROUTE_PROTOCOL } from '../plan/ownership.ts'
import { byKey, difference } from './difference.ts'
import { merged, nothing, type Outcome, write } from './outcome.ts'

/** IPv6 gives a route without metric this one. */
const DEFAULT_METRIC_6 = 1024

export function readRoutes(socket: NetlinkSocket): RouteRow[] {
  return ([4, 6] as const)
    .flatMap((family) => socket.dump(getRoutes(family, ROUTE_PROTOCOL)))
    .map(parseRoute)
    .filter((r) => r !== undefined)
    .filter((r) => r.table === RT_TABLE_MAIN && r.protocol === ROUTE_PROTOCOL)
}

/** Routes whose device does not exist (yet) are left for the next run, which that device's event brings. */
export function routeSpecs(
  wanted: readonly DesiredRoute[],
  device: (name: string) => IfIndex | undefined,
): RouteSpec[] {
  return wanted.flatMap((r): RouteSpec[] => {
    const { device: name, ...rest } = r
    if (name === undefined) return [{ ...rest, protocol: ROUTE_PROTOCOL }]
    const index = device(name)
    return index === undefined ? [] : [{ ...rest, device: index, protocol: ROUTE_PROTOCOL }]
  })
}

/** @param have as read in this same look */
export function applyRoutes(
  socket: NetlinkSocket,
  have: readonly RouteRow[],
  wanted: readonly RouteSpec[],
  sweep: boolean,
): Outcome {
  const diff = difference(byKey(have, keyOf), byKey(wanted, keyOf), sameRoute)
  return merged([
    writeRoutes(socket, 'add', diff.missing, addRoute),
    changeAll(socket, diff.changed),
    sweep ? write(socket, 'remove', diff.surplus.map(delRoute), [ESRCH]) : nothing,
  ])
}

type Change = { readonly have: RouteRow; readonly want: RouteSpec }

/** Replacing meets the first route to the range with that metric: where a foreign one stands before ours, ours goes first. */
function changeAll(socket: NetlinkSocket, changed: readonly Change[]): Outcome {
  if (changed.length === 0) return nothing
  const foreign = new Set(
    ([4, 6] as const)
      .flatMap((family) => socket.dump(getRoutes(family)))
      .map(parseRoute)
      .filter((r) => r !== undefined)
      .filter((r) => r.table === RT_TABLE_MAIN && r.protocol !== ROUTE_PROTOCOL)
      .map(keyOf),
  )
  const shared = changed.filter((c) => foreign.has(keyOf(c.want)))
  const alone = changed.filter((c) => !foreign.has(keyOf(c.want)))
  return merged([
    writeRoutes(
      socket,
      'change',
      alone.map((c) => c.want),
      replaceRoute,
    ),
    write(
      socket,
      'remove',
      shared.map((c) => delRoute(c.have)),
      [ESRCH],
    ),
    writeRoutes(
      socket,
      'add',
      shared.map((c) => c.want),
      addRoute,
    ),
  ])
}

function writeRoutes(
  socket: NetlinkSocket,
  verb: 'add' | 'change',
  specs: readonly RouteSpec[],
  make: (spec: RouteSpec) => Message,
): Outcome {
  const steps = specs.map((spec) => around(spec, make(spec)))
  const answers = socket.batch(steps.flat())
  const changes: string[] = []
  const faults: Fault[] = []
  let at = 0
  specs.forEach((spec, i) => {
    const own = steps[i] ?? []
    const answer = answers[at + (own.length === 1 ? 0 : 1)]
    at += own.length
    if (answer === undefined) return
    if (answer.ok) changes.push(`${verb} ${routeText(spec)}`)
    else if (answer.errno === EEXIST) faults.push(foreignFault(spec))
    else faults.push(answerFault(make(spec), answer))
  })
  return { changes, faults }
}

/**
 * IPv6 refuses a gateway «on the link» for which another route than the default one leads to another device: this
 * range's own earlier route, or an operator's wider one. A route to the gateway alone, for as long as the write
 * takes, convinces it (ip6_route_check_nh_onlink).
 */
function around(spec: RouteSpec, message: Message): Message[] {
  const { gateway, device } = spec
  if (!spec.onLink || gateway === undefined || device === undefined || familyOf(gateway) === 4)
    return [message]
  const host: RouteSpec = { dst: hostCidr(gateway), type: 'unicast', device, protocol: ROUTE_PROTOCOL }
  return [addRoute(host), message, delRoute(host)]
}

const foreignFault = (spec: RouteSpec): Fault => ({
  kind: 'foreign-route',
  object: routeText(spec),
  wanted: 'no other route to this range',
  found: 'one that is not ours',
  next: `see «ip route show ${spec.dst}»; remove it, and ours takes its place`,
})

const metricOf = (r: RouteSpec): number => r.metric ?? (r.dst.includes(':') ? DEFAULT_METRIC_6 : 0)
const keyOf = (r: RouteSpec): string => `${r.dst} ${metricOf(r)}`

const sameRoute = (a: RouteSpec, b: RouteSpec): boolean =>
  a.type === b.type &&
  // IPv6 shows unreachable routes on the loopback device.
  (a.type === 'unreachable' || a.device === b.device) &&
  a.gateway === b.gateway &&
  a.mtuBytes === b.mtuBytes &&
  (b.source === undefined || a.source === b.source)
