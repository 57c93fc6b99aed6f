// The walk past the stack, from the program's decision on. PURE.

import type { LanePath, LinkFact, WalkFacts } from '../../observe/walk/facts.ts'
import type { Wire } from '../../schema/walk.ts'
import { hop, type Stage, stopped } from './stage.ts'

/** Into a pod of this node: from the uplink by `from`, or from another pod. */
export function intoPod(f: WalkFacts, path: 'here' | 'direct' | 'vxlan', mtuBytes?: number): Stage {
  const pod = f.receiver
  if (!pod?.link)
    return stopped(f, 'pod', {
      object: `pod with ${f.packet.destination}`,
      does: 'is in the map, but its link is gone',
    })
  return {
    hops: [
      hop(f, 'pod', {
        object: `pod ${pod.name}`,
        does: `receives it by ${pod.link.name}`,
        why: 'past the host’s routing, filters and queues',
      }),
    ],
    ...(mtuBytes === undefined ? {} : { limitBytes: mtuBytes }),
    end: { verdict: 'delivered', why: '', path },
  }
}

export const tunnelBytes = (outer: string): number => (outer.includes(':') ? 40 : 20) + 8 + 8 + 14

/** To another node: the path's header, its next hop, the uplink. */
export function toPath(f: WalkFacts, path: LanePath): Stage {
  const isTunnel = path.kind === 'vxlan'
  const wire: Wire = {
    packet: f.packet,
    ...(path.ownMac === undefined ? {} : { sourceMac: path.ownMac }),
    ...(isTunnel
      ? { outer: { source: path.own, destination: path.peer, vni: f.vni, port: f.vxlanPort } }
      : {}),
  }
  const tunnel = hop(f, 'encapsulation', {
    object: 'the path’s header',
    does: `VXLAN ${path.own} → ${path.peer}, VNI ${f.vni}, ${tunnelBytes(path.peer)} bytes more`,
    why: 'by the program, past the tunnel device',
  })
  const neighbour = hop(f, 'neighbour', {
    object: `next hop ${path.hopMac ?? ''}`.trim(),
    does: 'stands in the header',
    why: 'no other MAC was heard of it',
  })
  const uplink = uplinkStage(f, f.uplink, isTunnel ? 'vxlan' : 'direct', wire)
  return {
    ...uplink,
    hops: [...(isTunnel ? [tunnel] : []), neighbour, ...uplink.hops],
    limitBytes: path.mtuBytes,
  }
}

/** Out by the device; what comes then is not this node's to know. */
export function uplinkStage(
  f: WalkFacts,
  device: LinkFact | undefined,
  path: 'direct' | 'vxlan' | 'none',
  wire: Wire,
): Stage {
  const object = device ? `uplink ${device.name}` : 'uplink'
  if (!device?.up) return stopped(f, 'uplink', { object, does: 'is down' }, 'unreachable')
  const bytes = wire.packet.bytes + (wire.outer ? tunnelBytes(wire.outer.destination) : 0)
  const does = `sends ${bytes} bytes; its MTU is ${device.mtuBytes}`
  if (bytes > device.mtuBytes && !wire.outer)
    return stopped(f, 'uplink', { object, does, why: 'too large' }, 'too-big')
  const why = bytes > device.mtuBytes ? 'the outer packet is cut into pieces' : ''
  return {
    hops: [hop(f, 'uplink', { object, does, why })],
    end: { verdict: 'sent', why: '', path, wire },
  }
}
