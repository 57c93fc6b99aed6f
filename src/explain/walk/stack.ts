// The walk through the kernel's stack: guard, connection tracking, translation, route, and out by whatever the route
// names. PURE.

import type { Ip } from '../../base/ip.ts'
import type { NeighbourFact, PodFact, RouteFact, WalkFacts } from '../../observe/walk/facts.ts'
import type { Packet, Wire } from '../../schema/walk.ts'
import { programNamed } from './decision.ts'
import { tunnelBytes, uplinkStage } from './fast.ts'
import { guardTunnelPort } from './guard.ts'
import { hop, type Stage, stopped } from './stage.ts'

type Found = Extract<RouteFact, { type: string }>

/** In the order in which a packet meets them, behind the guard of its entry. */
export const stackStages: readonly ((f: WalkFacts) => Stage)[] = [
  trackedStage,
  targetStage,
  routeStage,
  guardTunnelPort,
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

function targetStage(f: WalkFacts): Stage {
  const { target, packet, tracked, filter } = f
  if (target.ip === packet.destination) return { hops: [] }
  const isTracked = tracked?.translatesDestination || tracked?.translatesSource
  const object =
    isTracked || !filter.hostPort ? 'translation of its flow' : 'table inet podlane, map of hostPorts'
  const port = target.port === undefined ? '' : ` port ${target.port}`
  return {
    hops: [
      hop(f, 'translation', { object, does: `to ${target.ip}${port}`, why: 'so it stays in the stack' }),
    ],
  }
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
  const guarded = guardTunnelPort(f)
  if (guarded.end) return guarded
  return {
    hops: [
      hop(f, 'route', { object: `route ${route.entry ?? f.target.ip}`, does: 'is local' }),
      hop(f, 'node', {
        object: `node ${f.node}`,
        does: 'receives it itself',
        why: 'its own programs’ and rules’ from here on',
      }),
    ],
    end: { verdict: 'delivered', why: '', path: arrivedBy(f) },
  }
}

function masqueradeStage(f: WalkFacts): Stage {
  const after = sourceAfter(f)
  if (!after) return { hops: [] }
  const { object, source, why } = after
  return {
    hops: [hop(f, 'translation', { object, does: `source ${f.packet.source} becomes ${source}`, why })],
  }
}

type Source = { readonly object: string; readonly source: Ip; readonly why: string }

/** As whom it leaves, if not as itself. A flow that is tracked keeps what was decided at its first packet. */
function sourceAfter(f: WalkFacts): Source | undefined {
  const { tracked, packet, target } = f
  const isForward = tracked?.original.destination === packet.destination
  const object = 'translation of its flow'
  if (tracked && isForward) {
    if (!tracked.translatesSource) return undefined
    return { object, source: tracked.reply.destination, why: 'as its first packet' }
  }
  if (tracked?.translatesDestination)
    return { object, source: tracked.original.destination, why: 'as whom the client has asked' }
  if (tracked || !isMasqueraded(f) || f.masqueraded === undefined) return undefined
  const why = `masquerade: ${target.ip} is not of the cluster`
  return { object: 'table inet podlane, leave', source: f.masqueraded, why }
}

/** Only what leaves the cluster: neither into a pod nor into the tunnel. */
function isMasqueraded({ filter, route, tunnel, receiver, entry }: WalkFacts): boolean {
  if ('refused' in route || receiver || tunnel || !filter.drops || entry.kind === 'wire') return false
  return filter.sourceIsOwn && !filter.destinationUnmasqueraded
}

function exitStage(f: WalkFacts): Stage {
  if (f.receiver?.link && !('refused' in f.route) && f.route.device?.index === f.receiver.link.index)
    return deliver(f, f.receiver)
  if (f.tunnel) return throughTunnel(f, f.tunnel)
  const device = 'refused' in f.route ? undefined : f.route.device
  const next = neighbourStage(f, f.neighbour)
  if (next.end) return next
  const packet = onWire(f)
  const wire: Wire = { packet, ...(device?.mac === undefined ? {} : { sourceMac: device.mac }) }
  const out = uplinkStage(f, device, f.peer?.range ? 'direct' : 'none', wire)
  return { ...out, hops: [...next.hops, ...out.hops] }
}

/** As it is once this node has translated it. */
function onWire(f: WalkFacts): Packet {
  const { port } = f.target
  return {
    ...f.packet,
    source: sourceAfter(f)?.source ?? f.packet.source,
    destination: f.target.ip,
    ...(port === undefined ? {} : { port }),
  }
}

function throughTunnel(f: WalkFacts, tunnel: NonNullable<WalkFacts['tunnel']>): Stage {
  const device = 'refused' in f.route ? undefined : f.route.device
  const object = `device ${device?.name ?? ''}`
  const { remote, local, vni, port, route } = tunnel
  if (!device?.up) return stopped(f, 'encapsulation', { object, does: 'is down' }, 'unreachable')
  if (remote === undefined || local === undefined) {
    const does = `knows no node behind ${f.neighbour?.ip ?? f.target.ip}`
    return stopped(
      f,
      'encapsulation',
      { object, does, why: 'no neighbour or forwarding entry' },
      'unreachable',
    )
  }
  const outer = hop(f, 'encapsulation', {
    object,
    does: `VXLAN ${local} → ${remote}, VNI ${vni}, ${tunnelBytes(remote)} bytes more`,
    why: `${f.neighbour?.ip} is ${f.neighbour?.mac}, which is behind ${remote}`,
  })
  if (!route || 'refused' in route)
    return stopped(
      f,
      'route',
      { object: `route to ${remote}`, does: `none: ${route?.refused ?? ''}` },
      'unreachable',
    )
  const next = neighbourStage(f, tunnel.neighbour)
  if (next.end) return { ...next, hops: [outer, ...next.hops] }
  const wire: Wire = {
    packet: onWire(f),
    ...(route.device?.mac === undefined ? {} : { sourceMac: route.device.mac }),
    outer: { source: local, destination: remote, vni, port },
  }
  const out = uplinkStage(f, route.device, 'vxlan', wire)
  return { ...out, hops: [outer, ...next.hops, ...out.hops] }
}

function neighbourStage(f: WalkFacts, n: NeighbourFact | undefined): Stage {
  if (!n) return { hops: [] }
  const object = `neighbour ${n.ip}`
  if (n.state === 'failed')
    return stopped(
      f,
      'neighbour',
      { object, does: 'does not answer', why: 'nobody has this address on the segment' },
      'unreachable',
    )
  const does = n.mac ? `is ${n.mac}${n.state === 'fixed' ? ', fixed' : ''}` : 'is asked for first'
  return { hops: [hop(f, 'neighbour', { object, does })] }
}

/** Into a pod of this node, through its queue if it has one. */
function deliver(f: WalkFacts, pod: PodFact): Stage {
  const { link } = pod
  if (!link?.up)
    return stopped(f, 'pod', { object: `pod ${pod.name}`, does: 'has its link down' }, 'unreachable')
  const next = neighbourStage(f, f.neighbour)
  if (next.end) return next
  const program = programNamed(pod.onReceived, 'pod_ingress')
  const queued = link.queue !== undefined && link.queue !== 'noqueue'
  return {
    hops: [
      ...next.hops,
      ...(program
        ? [
            hop(f, 'program', {
              object: `pod_ingress at ${link.name}`,
              does: 'counts it',
              costNs: program.runNs,
            }),
          ]
        : []),
      ...(queued
        ? [
            hop(f, 'queue', {
              object: `queue ${link.queue} of ${link.name}`,
              does: 'holds it to its bandwidth',
            }),
          ]
        : []),
      hop(f, 'pod', { object: `pod ${pod.name}`, does: `receives it by ${link.name}` }),
    ],
    limitBytes: link.mtuBytes,
    end: { verdict: 'delivered', why: '', path: arrivedBy(f) },
  }
}

/** How it came to this node, for one that ends here. */
const arrivedBy = ({ entry, filter }: WalkFacts): 'here' | 'direct' | 'vxlan' | 'none' =>
  entry.kind !== 'wire' ? 'here' : entry.wire.outer ? 'vxlan' : filter.sourceInCluster ? 'direct' : 'none'
