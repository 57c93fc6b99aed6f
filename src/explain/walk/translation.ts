// How this host changes the addresses of a packet that takes the stack: a tracked flow's way, our hostPorts, masquerade.
// PURE.

import type { Ip } from '../../base/ip.ts'
import type { WalkFacts } from '../../observe/walk/facts.ts'
import type { Packet } from '../../schema/walk.ts'
import { hop, type Stage } from './stage.ts'

export function targetStage(f: WalkFacts): Stage {
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

export function masqueradeStage(f: WalkFacts): Stage {
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
  return filter.sourceIsOwn && !filter.targetUnmasqueraded
}

/** As it is once this node has translated it. */
export function onWire(f: WalkFacts): Packet {
  const { port } = f.target
  return {
    ...f.packet,
    source: sourceAfter(f)?.source ?? f.packet.source,
    destination: f.target.ip,
    ...(port === undefined ? {} : { port }),
  }
}
