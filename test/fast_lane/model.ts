// The fast lane's decision in plain words, packet by packet: what stands in the topology, and which flows have been
// seen. No cache, no epoch: whatever the programs remember, they must answer like this.

import { type Cidr, cidrContains, cidrLength } from '../../src/base/cidr.ts'
import type { IfIndex } from '../../src/base/ifindex.ts'
import type { Ip } from '../../src/base/ip.ts'
import type { FastPath, FastPod } from '../../src/plan/fast_lane.ts'
import { type Frame, type Read, type Reason, readFrame, readQuoted } from './model_packet.ts'
import { gatewayMac, HERE_MTU_BYTES, type Topology, uplinkMac } from './packets/bed.ts'
import { aged, ethernet, summed, vxlan } from './packets/bytes.ts'

export type Arrival = {
  /** Undefined: by the uplink. */
  readonly pod: IfIndex | undefined
  readonly frame: Buffer
  /** 0: not to be segmented. */
  readonly gsoSize: number
}
/** What must come out; the outer source port and IPv4 identification are the sender's to choose. */
export type Outcome =
  | { readonly to: 'stack'; readonly reasons: readonly Reason[] | 'any' }
  | {
      readonly to: 'redirect'
      readonly packet: (sourcePort: number, id: number) => Buffer
      /** Or to the stack, for this reason. */
      readonly unless?: Reason
    }
export type World = {
  readonly topology: Topology
  /** Hops that were heard with another MAC. */
  readonly moved: ReadonlySet<Ip>
  /** Whether the kernel can be asked about translation. It has translated nothing. */
  readonly asks: boolean
}
/** Ends by address and port: a pod may speak to itself. */
type Flow = {
  readonly seen: Set<string>
  readonly ended: Set<string>
  working: boolean
  sure: boolean
  echoFast?: boolean
}
type Ends = Pick<Read, 'src' | 'dst' | 'protocol' | 'ports'>

const FIN = 1
const SYN = 2
const RST = 4
const ACK = 16
const CE = 3
const UDP = 17
const VXLAN = { vni: 112, port: 4789 }

const stack = (...reasons: Reason[]): Outcome => ({ to: 'stack', reasons })

/** BOUNDED by the packets that a test makes. */
export class Flows {
  readonly #flows = new Map<string, Flow>()

  get(ends: Ends): Flow | undefined {
    return this.#flows.get(keyOf(ends))
  }

  /** The rules have changed: until its next packet, a flow may count as unknown. */
  doubt(): void {
    for (const flow of this.#flows.values()) flow.sure = false
  }

  /** What a packet that comes from where it belongs makes of its flow. @returns the flow as it is for this packet */
  follow(read: Read): Flow {
    const begins = (read.flags & SYN) !== 0 && (read.flags & (ACK | RST)) === 0
    const known = this.get(read)
    if (!known || begins) {
      const fresh = { seen: new Set([endOf(read)]), ended: new Set<string>(), working: false, sure: true }
      if ((read.flags & RST) === 0) this.#flows.set(keyOf(read), fresh)
      return fresh
    }
    if (!known.working) return this.#answer(known, read)
    if ((read.flags & SYN) !== 0 || read.protocol !== 6) {
      known.sure = true
      return known
    }
    return this.#end(known, read)
  }

  #answer(known: Flow, read: Read): Flow {
    known.sure = true
    known.seen.add(endOf(read))
    if ((read.flags & RST) !== 0) this.#flows.delete(keyOf(read))
    else known.working = known.seen.size === 2
    return known
  }

  #end(known: Flow, read: Read): Flow {
    const last = known.ended.size === 2 && (read.flags & FIN) === 0
    if ((read.flags & RST) !== 0 || last) {
      // A decision that is made anew does not follow the end.
      if (known.sure) this.#flows.delete(keyOf(read))
      return known
    }
    if ((read.flags & FIN) === 0) known.sure = true
    else if (known.sure) known.ended.add(endOf(read))
    return known
  }
}

const endOf = ({ src, ports }: Ends): string => `${src}|${ports[0]}`
const keyOf = ({ src, dst, protocol, ports }: Ends): string =>
  [protocol, ...[`${src}|${ports[0]}`, `${dst}|${ports[1]}`].sort()].join(' ')

const podAt = (t: Topology, ip: Ip): FastPod | undefined => t.pods.find((p) => p.ip === ip)

function pathTo(t: Topology, ip: Ip): FastPath | undefined {
  const fitting = t.paths.flatMap((path) =>
    path.ranges.filter((r) => cidrContains(r, ip)).map((range): [Cidr, FastPath] => [range, path]),
  )
  return fitting.sort(([a], [b]) => cidrLength(b) - cidrLength(a))[0]?.[1]
}

export function decide(world: World, flows: Flows, arrival: Arrival): Outcome {
  const frame = readFrame(arrival.frame, arrival.pod === undefined ? VXLAN : undefined)
  const { packet } = frame
  if (typeof packet === 'string') return stack(packet)
  if (arrival.pod === undefined && frame.to !== uplinkMac) return stack('reason_outside')
  if (packet.error) return decideError(world, flows, arrival, frame, packet)
  if (mayBeTunnel(packet)) return stack('reason_sender')
  const refusal = place(world.topology, arrival.pod, frame, packet)
  if (refusal) return refusal
  return carry(world, arrival, frame, packet, packet, flows.follow(packet))
}

/** Which tunnels a pod may make is judged in the stack, which sees both directions of such a flow. */
const mayBeTunnel = ({ protocol, ports }: Read): boolean => protocol === UDP && ports.includes(VXLAN.port)

/** Undefined: both ends are known, and the packet comes from where its source belongs. */
function place(t: Topology, pod: IfIndex | undefined, frame: Frame, { src, dst }: Ends): Outcome | undefined {
  const from = podAt(t, src)
  const to = podAt(t, dst)
  if (pod !== undefined) {
    if (from?.index !== pod || from.mac !== frame.from) return stack('reason_sender')
    return to || pathTo(t, dst) ? undefined : stack('reason_outside')
  }
  // What says of itself that it is from here: a known flow has a reason of its own.
  if (from) return { to: 'stack', reasons: 'any' }
  const path = pathTo(t, src)
  if (!to || !path) return stack('reason_outside')
  return isFrom(path, frame) ? undefined : stack('reason_sender')
}

const isFrom = (path: FastPath, { outer, from }: Frame): boolean =>
  outer ? outer.src === path.address && outer.dst === path.own : path.directMac === from

/** An error belongs to the flow that it is about, and is for the sender of what it quotes. */
function decideError(world: World, flows: Flows, arrival: Arrival, frame: Frame, error: Read): Outcome {
  const quoted = readQuoted(arrival.frame, frame.offset)
  if (typeof quoted === 'string') return stack(quoted)
  const flow = flows.get(quoted)
  if (!flow || error.dst !== quoted.src) return stack('reason_outside')
  const outcome = errorOutcome(world, arrival, frame, error, quoted, flow)
  if (flow.sure) return outcome
  return outcome.to === 'stack' ? { to: 'stack', reasons: 'any' } : { ...outcome, unless: 'reason_outside' }
}

function errorOutcome(
  world: World,
  arrival: Arrival,
  frame: Frame,
  error: Read,
  quoted: Ends,
  flow: Flow,
): Outcome {
  const { topology } = world
  if (arrival.pod !== undefined) {
    const from = podAt(topology, error.src)
    if (from?.index !== arrival.pod || from.mac !== frame.from) return stack('reason_sender')
    if (error.src !== quoted.dst) return stack('reason_outside')
  } else {
    const path = pathTo(topology, error.src)
    if (path ? !isFrom(path, frame) : frame.outer) return stack('reason_sender')
    if (podAt(topology, quoted.dst) || !podAt(topology, quoted.src)) return stack('reason_sender')
  }
  return carry(world, arrival, frame, error, { ...quoted, src: quoted.dst, dst: quoted.src }, flow)
}

/** `ends`: of the flow, from the side that sends this. */
function carry(
  { topology, moved, asks }: World,
  arrival: Arrival,
  frame: Frame,
  packet: Read,
  ends: Pick<Ends, 'src' | 'dst'>,
  flow: Flow,
): Outcome {
  const from = podAt(topology, ends.src)
  const to = podAt(topology, ends.dst)
  const path = pathTo(topology, from ? ends.dst : ends.src)
  if (from?.limited || to?.limited) return stack('reason_limited')
  if (!asks && !(flow.working || flow.seen.size === 2)) return stack('reason_unseen')
  const isFast = (from && to ? topology.here : path?.lane) === 'fast'
  if (packet.echo === 'asked') flow.echoFast = isFast
  // An answer follows its request, which the stack has not seen.
  if (!isFast && !(packet.echo === 'answered' && flow.echoFast)) return stack('reason_lane')
  if (packet.ttl <= 1) return stack('reason_ttl')
  if (to && !from) return intoPod(arrival.frame, frame, packet, to)
  const ipBytes = arrival.frame.length - 14
  const wire = arrival.gsoSize > 0 ? packet.headerBytes + arrival.gsoSize : ipBytes
  if (to && wire > HERE_MTU_BYTES) return stack('reason_too_big')
  if (to) return intoPod(arrival.frame, frame, packet, to)
  if (!path?.hop || moved.has(path.hop.ip)) return stack('reason_hop')
  if (wire > path.mtuBytes) return stack('reason_too_big')
  return intoPath(arrival.frame, packet, path, path.hop)
}

function intoPod(whole: Buffer, frame: Frame, packet: Read, pod: FastPod): Outcome {
  const { outer, offset } = frame
  if (outer && outer.ecn !== 0 && outer.ecn !== packet.ecn && (outer.ecn !== CE || packet.ecn === 0))
    return stack('reason_tunnel')
  const ecn = outer?.ecn === CE ? CE : packet.ecn
  const inner = withEcn(whole.subarray(offset), ecn)
  const type = whole.readUInt16BE(offset - 2)
  const out = aged(ethernet({ to: pod.mac, from: gatewayMac }, type, inner))
  return { to: 'redirect', packet: () => out }
}

function intoPath(whole: Buffer, packet: Read, path: FastPath, hop: NonNullable<FastPath['hop']>): Outcome {
  const type = whole.readUInt16BE(12)
  const ip = whole.subarray(14)
  const link = { to: hop.mac, from: path.ownMac }
  if (path.kind === 'direct') return { to: 'redirect', packet: () => aged(ethernet(link, type, ip)) }
  const { destination, source } = path.tunnel
  const inner = aged(ethernet({ to: destination, from: source }, type, ip))
  const outer = { ...link, src: path.own, dst: path.address, ecn: packet.ecn }
  return { to: 'redirect', packet: (sourcePort, id) => vxlan({ ...outer, sourcePort, id }, inner) }
}

function withEcn(packet: Buffer, ecn: number): Buffer {
  const out = Buffer.from(packet)
  if (familyOfPacket(out) === 4) {
    out[1] = ((out[1] ?? 0) & 0xfc) | ecn
    return summed(out)
  }
  out[1] = ((out[1] ?? 0) & 0xcf) | (ecn << 4)
  return out
}

const familyOfPacket = (packet: Buffer): 4 | 6 => ((packet[0] ?? 0) >> 4 === 6 ? 6 : 4)
