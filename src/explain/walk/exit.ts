// The walk out of the stack by what the route names: a pod of this node, the VXLAN device, or a link. PURE.

import type { NeighbourFact, PodFact, WalkFacts } from '../../observe/walk/facts.ts'
import type { Wire } from '../../schema/walk.ts'
import { programNamed } from './decision.ts'
import { tunnelBytes, uplinkStage } from './fast.ts'
import { hop, type Stage, stopped } from './stage.ts'
import { onWire } from './translation.ts'

export function exitStage(f: WalkFacts): Stage {
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
export const arrivedBy = ({ entry, filter }: WalkFacts): 'here' | 'direct' | 'vxlan' | 'none' =>
  entry.kind !== 'wire' ? 'here' : entry.wire.outer ? 'vxlan' : filter.sourceInCluster ? 'direct' : 'none'
