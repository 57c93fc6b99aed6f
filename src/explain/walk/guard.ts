// What our packet filter says to a packet that takes the stack: who may send it (src/plan/ruleset.ts). PURE.

import type { PodFact, WalkFacts } from '../../observe/walk/facts.ts'
import { inetDrops } from '../../plan/ruleset.ts'
import type { Wire } from '../../schema/walk.ts'
import { hop, type Stage, stopped } from './stage.ts'

const TABLE = 'table inet podlane'

/** Chain `sources`, for what comes from a pod. */
export function guardPod(f: WalkFacts, pod: PodFact): Stage {
  if (!f.filter.drops) return open(f)
  if (f.packet.destination.startsWith('127.')) return dropped(f, 'from_pod', 'pod_to_loopback')
  if (!f.filter.sourceIsPods)
    return dropped(f, 'from_pod', 'pod_spoofed', `its own are ${pod.addresses.join(', ')} with ${pod.mac}`)
  return passed(f, 'from_pod', `${f.packet.source} is the pod’s, with its interface and MAC`)
}

/** Chains `sources` and `to_node`, for what comes in by the uplink. */
export function guardWire(f: WalkFacts, wire: Wire): Stage {
  const { filter } = f
  if (!filter.drops) return open(f)
  if (!wire.outer) {
    if (!filter.sourceInCluster) return passed(f, 'sources', 'its source is none of the cluster’s pods')
    if (filter.senderIsNodes)
      return passed(f, 'from_segment', `${f.packet.source} comes from the MAC of its node`)
    return dropped(f, 'from_segment', 'direct_forged_source', `MAC ${wire.sourceMac ?? 'unknown'}`)
  }
  const { source, destination } = wire.outer
  if (!filter.outerDestinationIsNode)
    return dropped(f, 'from_underlay', 'tunnel_unknown_sender', `${destination} is no address of a node`)
  if (filter.senderIsNodes) return passed(f, 'from_underlay', `${f.packet.source} is behind ${source}`)
  const counter = filter.outerSourceIsNode ? 'tunnel_forged_source' : 'tunnel_unknown_sender'
  return dropped(f, 'from_underlay', counter, `outer source ${source}`)
}

/** For a pod’s packet to the VXLAN port of a node; to a pod’s it may, if it is not VXLAN of ours. */
export function guardTunnelPort(f: WalkFacts, chain: 'through_node' | 'to_node'): Stage {
  const { protocol } = f.packet
  if (!f.filter.drops || f.entry.kind !== 'pod' || protocol !== 'udp' || f.target.port !== f.vxlanPort)
    return { hops: [] }
  if (chain === 'to_node' || f.filter.targetIsNode) return dropped(f, chain, 'pod_vxlan')
  return passed(f, chain, `unless it is VXLAN with VNI ${f.vni}`)
}

/** Chain `probe_to_node`: path probes are the nodes' own matter, and come out of a tunnel only from a tunnel's end. */
export function guardProbePort(f: WalkFacts): Stage {
  const { filter, entry, packet } = f
  if (!filter.drops || packet.protocol !== 'udp' || f.target.port !== f.probePort) return { hops: [] }
  const isTunnelled = entry.kind === 'wire' && entry.wire.outer !== undefined
  const isPods = isTunnelled ? !filter.sourceIsTunnelEnd : entry.kind !== 'node' && filter.sourceInCluster
  return isPods ? dropped(f, 'probe_to_node', 'pod_probe') : { hops: [] }
}

const open = (f: WalkFacts): Stage => ({
  hops: [hop(f, 'guard', { object: TABLE, does: 'is not there: nothing is filtered' })],
})

const passed = (f: WalkFacts, chain: string, why: string): Stage => ({
  hops: [hop(f, 'guard', { object: `${TABLE}, ${chain}`, does: 'passes', why })],
})

function dropped(f: WalkFacts, chain: string, counter: string, more = ''): Stage {
  const packets = f.filter.drops?.get(counter) ?? 0
  const why = `${inetDrops.get(counter) ?? counter}${more ? ` (${more})` : ''}`
  return stopped(f, 'guard', {
    object: `${TABLE}, ${chain}`,
    does: `drops; counter ${counter} at ${packets}`,
    why,
  })
}
