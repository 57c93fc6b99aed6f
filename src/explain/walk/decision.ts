// Which lane the fast lane's programs choose for a packet, and why: the order of bpf/pod_egress.bpf.c,
// bpf/uplink_ingress.bpf.c and bpf/lib/decide.h, over what stands in their maps. PURE.

import { reason, reasonWords } from '../../apply/fast_lane/abi.ts'
import { familyOf } from '../../base/ip.ts'
import type { LaneFacts, LanePath, PodFact, ProgramFact, WalkFacts } from '../../observe/walk/facts.ts'
import type { Wire } from '../../schema/walk.ts'

export type Decision =
  | { readonly lane: 'fast'; readonly path: LanePath; readonly why: string }
  | { readonly lane: 'plain'; readonly why: string }

const words = (number: number): string => reasonWords.get(number)?.[1] ?? ''
const plain = (number: number, more = ''): Decision => ({ lane: 'plain', why: `${words(number)}${more}` })

export const programNamed = (programs: readonly ProgramFact[], name: string): ProgramFact | undefined =>
  programs.find((p) => p.name === name)

/** Of a packet that a pod of this node sends. */
export function decideSent(f: WalkFacts, pod: PodFact): Decision {
  const { lane, packet } = f
  if (!lane) return { lane: 'plain', why: 'this node has no fast lane' }
  if (!programNamed(pod.onSent, 'pod_egress'))
    return { lane: 'plain', why: 'no program at the pod’s interface: it waits for one' }
  if (isTunnelPort(f)) return plain(reason.REASON_SENDER)
  const { source, destination } = lane
  if (!source || source.index !== pod.link?.index || source.mac !== pod.mac)
    return plain(reason.REASON_SENDER)
  const path = destination ? lane.here : lane.path
  if (!path) return plain(reason.REASON_OUTSIDE)
  const life = decideFlow(f, lane, path, source.limited || destination?.limited === true)
  if (life) return life
  if (path.lane !== 'fast') return plain(reason.REASON_LANE)
  if (path.kind !== 'here' && path.hop !== 'good')
    return plain(reason.REASON_HOP, path.hop === 'none' ? ', or its MAC is not known yet' : '')
  if (packet.bytes > path.mtuBytes) return plain(reason.REASON_TOO_BIG, ` of ${path.mtuBytes} bytes`)
  return { lane: 'fast', path, why: lasting(lane, packet.protocol) }
}

/** Of a packet that comes in by the uplink. */
export function decideArriving(f: WalkFacts, wire: Wire): Decision {
  const { lane } = f
  if (!lane) return { lane: 'plain', why: 'this node has no fast lane' }
  if (!programNamed(f.uplinkPrograms, 'uplink_ingress'))
    return { lane: 'plain', why: 'no program at the uplink' }
  if (isTunnelPort(f)) return plain(reason.REASON_SENDER)
  if (wire.outer && (wire.outer.vni !== f.vni || wire.outer.port !== f.vxlanPort))
    return plain(reason.REASON_TUNNEL)
  const { destination, path } = lane
  if (!destination || !path) return plain(reason.REASON_OUTSIDE)
  if (!isFrom(path, wire)) return plain(reason.REASON_SENDER)
  const life = decideFlow(f, lane, path, destination.limited)
  if (life) return life
  if (path.lane !== 'fast') return plain(reason.REASON_LANE)
  return { lane: 'fast', path, why: lasting(lane, f.packet.protocol) }
}

/** What holds for a flow's life: as it stands in the table, or as it would be decided now. Undefined: fast. */
function decideFlow(f: WalkFacts, lane: LaneFacts, path: LanePath, limited: boolean): Decision | undefined {
  const { flow } = lane
  const { tracked, packet } = f
  const isTranslated =
    packet.protocol !== 'icmp' && (tracked?.translatesSource || tracked?.translatesDestination)
  if (flow?.current) {
    if (flow.lane === 'plain')
      return { lane: 'plain', why: `${flow.why}, as was decided for the flow’s life` }
    // Asked again once a second.
    return packet.protocol === 'udp' && f.kernel.answers && isTranslated
      ? plain(reason.REASON_TRANSLATED)
      : undefined
  }
  if (f.kernel.answers && isTranslated) return plain(reason.REASON_TRANSLATED)
  if (path.kind === 'vxlan' && !f.kernel.mixesFamilies && familyOf(path.peer) !== familyOf(packet.source))
    return plain(reason.REASON_REFUSED)
  if (limited) return plain(reason.REASON_LIMITED)
  return f.kernel.answers ? undefined : plain(reason.REASON_UNSEEN)
}

function lasting({ flow }: LaneFacts, protocol: string): string {
  if (!flow) return 'pods at both ends, not translated; its first packet decides'
  if (!flow.current) return 'decided again: an epoch has changed since'
  return flow.table === 'flows'
    ? `a flow that is known, ${protocol === 'icmp' ? 'identifier' : 'from port'} ${flow.sourcePort}`
    : 'a flow that waits for its answer'
}

const isTunnelPort = ({ packet, vxlanPort }: WalkFacts): boolean =>
  packet.protocol === 'udp' && (packet.port === vxlanPort || packet.sourcePort === vxlanPort)

const isFrom = (path: LanePath, { outer, sourceMac }: Wire): boolean =>
  outer
    ? path.peer === outer.source && path.own === outer.destination
    : path.directMac !== undefined && path.directMac === sourceMac
