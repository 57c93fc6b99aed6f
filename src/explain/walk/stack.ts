// The walk through the kernel's stack: guard, connection tracking, translation, route, and out by whatever the route
// names. PURE.

import type { RouteFact, WalkFacts } from '../../observe/walk/facts.ts'
import { arrivedBy, exitStage } from './exit.ts'
import { guardProbePort, guardTunnelPort } from './guard.ts'
import { othersFilter, othersTranslate } from './others.ts'
import { hop, type Stage, stopped } from './stage.ts'
import { masqueradeStage, targetStage } from './translation.ts'

type Found = Extract<RouteFact, { type: string }>

/** In the order in which a packet meets them, behind the guard of its entry. */
export const stackStages: readonly ((f: WalkFacts) => Stage)[] = [
  trackedStage,
  othersTranslate,
  targetStage,
  routeStage,
  (f) => guardTunnelPort(f, 'through_node'),
  (f) => othersFilter(f, 'forward'),
  // Policy's verdict will stand here.
  masqueradeStage,
  exitStage,
]

function trackedStage(f: WalkFacts): Stage {
  const { tracked } = f
  const object = 'connection tracking'
  if (!tracked)
    return { hops: [hop(f, 'conntrack', { object, does: 'makes an entry', why: 'none is found of it' })] }
  const { original: o, answered } = tracked
  const does = `has ${o.source}:${o.sourcePort} → ${o.destination}:${o.port}, ${answered ? 'answered' : 'not answered yet'}`
  return { hops: [hop(f, 'conntrack', { object, does })] }
}

function routeStage(f: WalkFacts): Stage {
  const { route, target } = f
  if ('refused' in route)
    return stopped(
      f,
      'route',
      { object: `route to ${target.ip}`, does: `none: ${route.refused}`, why: whyNoRoute(f) },
      'unreachable',
    )
  if (route.type === 'local') return localStage(f, route)
  if (route.type !== 'unicast')
    return stopped(
      f,
      'route',
      { object: `route ${route.entry ?? target.ip}`, does: route.type },
      'unreachable',
    )
  const limitBytes = Math.min(
    route.mtuBytes ?? Number.MAX_SAFE_INTEGER,
    route.device?.mtuBytes ?? Number.MAX_SAFE_INTEGER,
  )
  const via = route.gateway === undefined ? '' : ` via ${route.gateway}`
  const does = `leads to ${route.device?.name ?? '?'}${via}, MTU ${limitBytes}`
  const object = `route ${route.entry ?? target.ip}`
  if (f.packet.bytes > limitBytes)
    return {
      ...stopped(
        f,
        'route',
        { object, does, why: `${f.packet.bytes} bytes are too many: the sender is told ${limitBytes}` },
        'too-big',
      ),
      limitBytes,
    }
  return { hops: [hop(f, 'route', { object, does })], limitBytes }
}

function whyNoRoute({ target, peer, entry }: WalkFacts): string {
  return peer && entry.kind !== 'wire'
    ? `${peer.name} has the range, but no way leads there`
    : `no pod of this node has ${target.ip}, and no other way leads there`
}

function localStage(f: WalkFacts, route: Found): Stage {
  for (const guarded of [guardTunnelPort(f, 'to_node'), guardProbePort(f)]) if (guarded.end) return guarded
  return {
    hops: [
      hop(f, 'route', { object: `route ${route.entry ?? f.target.ip}`, does: 'is local' }),
      ...othersFilter(f, 'input').hops,
      hop(f, 'node', {
        object: `node ${f.node}`,
        does: 'receives it itself',
        why: 'its own programs’ and rules’ from here on',
      }),
    ],
    end: { verdict: 'delivered', why: '', path: arrivedBy(f) },
  }
}
