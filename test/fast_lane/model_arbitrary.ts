// Random packets for random topologies: mostly right ones, or nothing would ever be fast.

import fc from 'fast-check'
import { cidrContains } from '../../src/base/cidr.ts'
import type { IfIndex } from '../../src/base/ifindex.ts'
import { type Ip, ipFromBytes } from '../../src/base/ip.ts'
import type { FastPath } from '../../src/plan/fast_lane.ts'
import type { Arrival } from './model.ts'
import { mostly, NODES, rarely, remote } from './model_topology.ts'
import { type Devices, gatewayMac, type Topology, uplinkMac } from './packets/bed.ts'
import { frameOf, icmpError, ipPacket, type Segment, summed, vxlan } from './packets/bytes.ts'
import { fragment4, mapped, withOptions } from './packets/mangled.ts'
import { families, macOf, outside, podAddress, routerMac } from './packets/topology.ts'

const segment = (ends: fc.Arbitrary<readonly [Ip, Ip]>): fc.Arbitrary<Segment> =>
  fc
    .record({
      ends,
      protocol: fc.constantFrom('tcp', 'tcp', 'udp', 'echo' as const),
      ports: fc.constantFrom([7, 80], [80, 7], [7, 7], [4789, 80], [80, 4789] as const),
      flags: fc.constantFrom(2, 18, 16, 16, 24, 17, 4, 20, 0, 3, 6),
      ttl: mostly(fc.constant(64), fc.constantFrom(0, 1, 2, 255)),
      ecn: fc.integer({ min: 0, max: 3 }),
      id: fc.integer({ min: 0, max: 0xffff }),
      data: fc.constantFrom(0, 10, 520, 540, 560, 1350, 1400, 1450).map((n) => Buffer.alloc(n, 5)),
    })
    .map(({ ends: [src, dst], ports: [a, b], ...rest }) => ({ ...rest, src, dst, ports: [a, b] }))

const family = fc.constantFrom(...families)
const node = fc.integer({ min: 0, max: NODES - 1 })
const someone = fc.tuple(node, fc.integer({ min: 0, max: 12 }))
const addressFrom = (f: 4 | 6, [n, kind]: readonly [number, number]): Ip =>
  kind === 0 ? outside[f] : kind < 7 ? remote(n, f) : podAddress(n, f)

/** Of what a test run takes at all, of a packet that says it is of this version. */
const shortest = (packet: Buffer): number => ((packet[0] ?? 0) >> 4 === 6 ? 40 : 20)

/** How a right packet is spoilt. */
type Spoil = (packet: Buffer) => Buffer
const spoil: fc.Arbitrary<Spoil> = mostly(
  fc.constant<Spoil>((p) => p),
  fc.constant<Spoil>((p) => (p[0] === 0x45 ? withOptions(p) : p)),
  fc.constantFrom(0x2000, 0x0010, 0x4000).map(
    (bits): Spoil =>
      (p) =>
        p[0] === 0x45 ? fragment4(p, bits) : p,
  ),
  fc.tuple(fc.nat(60), fc.nat(255)).map(
    ([at, value]): Spoil =>
      (p) => {
        const out = Buffer.from(p)
        if (at < out.length) out[at] = value
        if (out.length < shortest(out)) return p
        return out[0] === 0x45 ? summed(out) : out
      },
  ),
  fc.constantFrom(8, 24).map(
    (at): Spoil =>
      (p) =>
        p[0] === 0x45 ? p : mapped(p, at),
  ),
  fc.nat(80).map(
    (length): Spoil =>
      (p) =>
        Buffer.from(p.subarray(0, Math.max(shortest(p), length))),
  ),
)

/** With what it may be an error about. */
export type Step = (history: readonly Buffer[], topology: Topology) => Arrival & { readonly packet: Buffer }

const gso = mostly(fc.constant(0), fc.constantFrom(500, 1200, 1400))

export const fromPod = (devices: Devices): fc.Arbitrary<Step> =>
  fc
    .record({ n: node, device: node, wrong: rarely, spoil, family, gso, about: fc.nat(40), to: someone })
    .chain((c) =>
      segment(fc.constant([podAddress(c.n, c.family), addressFrom(c.family, c.to)])).map(
        (s): Step =>
          (history, topology) => {
            const quoted = c.about < history.length ? history[c.about] : undefined
            const whole = quoted
              ? icmpError(answering(quoted, podAddress(c.n, c.family)), quoted)
              : ipPacket(s)
            const packet = c.spoil(whole)
            const holder = topology.pods.find((p) => p.ip === podAddress(c.n, c.family))?.index
            const pod = (c.wrong ? undefined : holder) ?? (devices.pods[c.device] as IfIndex)
            const from = c.wrong && c.device > 2 ? routerMac : macOf(c.n)
            // Segments of no known kind, which the kernel does not encapsulate: see the packet tests.
            const path = topology.paths.some((p) => p.kind === 'vxlan')
            const gsoSize = path || packet.length < 1000 ? 0 : c.gso
            return { pod, frame: frameOf({ to: gatewayMac, from }, packet), gsoSize, packet }
          },
      ),
    )

const tunnelFields = mostly(
  fc.constant({}),
  fc.constant({ vni: 7 }),
  fc.constant({ sum: 1 }),
  fc.constant({ flags: 9 }),
  fc.constant({ port: 80 }),
  fc.constant({ to: routerMac }),
)

export const fromUplink: fc.Arbitrary<Step> = fc
  .record({
    n: node,
    by: node,
    wrong: rarely,
    tunnel: fc.boolean(),
    fields: tunnelFields,
    ecn: fc.integer({ min: 0, max: 3 }),
    spoil,
    outerSpoil: mostly(
      fc.constant<Spoil>((f) => f),
      spoil,
    ),
    family,
    about: fc.nat(40),
    to: someone.map(([n, kind]) => [n, kind > 1 ? 12 : kind] as const),
  })
  .chain((c) =>
    segment(fc.constant([remote(c.n, c.family), addressFrom(c.family, c.to)])).map(
      (s): Step =>
        (history, topology) => {
          const quoted = c.about < history.length ? history[c.about] : undefined
          const from = quoted && c.wrong ? outside[c.family] : remote(c.n, c.family)
          const whole = quoted ? icmpError(answering(quoted, from), quoted) : ipPacket(s)
          const packet = c.spoil(whole)
          const path = topology.paths.find((p) => p.peer === `n${c.wrong ? c.by : c.n}`)
          const link = { to: uplinkMac, from: (!c.tunnel && path?.directMac) || routerMac }
          if (!c.tunnel || !path) return { pod: undefined, frame: frameOf(link, packet), gsoSize: 0, packet }
          const ends = { src: path.address, dst: path.own, sourcePort: 50_000 }
          const inner = frameOf({ to: gatewayMac, from: routerMac }, packet)
          const frame = vxlan({ ...link, ...ends, ecn: c.ecn, ...c.fields }, inner)
          return {
            pod: undefined,
            frame: Buffer.concat([frame.subarray(0, 14), c.outerSpoil(frame.subarray(14))]),
            gsoSize: 0,
            packet,
          }
        },
    ),
  )

/** The other end answers an earlier packet, in the tunnel or on the segment if it is remote. */
export const answer = (devices: Devices): fc.Arbitrary<Step> =>
  fc
    .record({ about: fc.nat(40), flags: fc.constantFrom(2, 18, 16, 17, 4), tunnel: fc.boolean() })
    .map(({ about, flags, tunnel }): Step => {
      return (history, topology) => {
        const asked = history[about % Math.max(1, history.length)] ?? nothingAsked
        const packet = reversed(asked, flags)
        const src = ipFromBytes(packet[0] === 0x45 ? packet.subarray(12, 16) : packet.subarray(8, 24))
        const pod = topology.pods.find((p) => p.ip === src)
        if (pod) {
          const frame = frameOf({ to: gatewayMac, from: pod.mac }, packet)
          return { pod: pod.index, frame, gsoSize: 0, packet }
        }
        const path = topology.paths.find((p) => p.ranges.some((r) => cidrContains(r, src)))
        return fromPath(path, tunnel, packet, devices)
      }
    })

const nothingAsked = ipPacket({ protocol: 'tcp', src: outside[4], dst: podAddress(0, 4) })

function fromPath(path: FastPath | undefined, tunnel: boolean, packet: Buffer, devices: Devices) {
  const link = { to: uplinkMac, from: (!tunnel && path?.directMac) || routerMac }
  const plain = frameOf(link, packet)
  const inner = frameOf({ to: gatewayMac, from: routerMac }, packet)
  const frame =
    tunnel && path
      ? vxlan({ ...link, src: path.address, dst: path.own, sourcePort: devices.uplink }, inner)
      : plain
  return { pod: undefined, frame, gsoSize: 0, packet }
}

/** The same packet from its other end; of an echo, the reply. */
function reversed(packet: Buffer, flags: number): Buffer {
  const out = Buffer.from(packet)
  const four = packet[0] === 0x45
  const [at, size, l4] = four ? [12, 4, 20] : [8, 16, 40]
  packet.copy(out, at, at + size, at + 2 * size)
  packet.copy(out, at + size, at, at + size)
  const protocol = packet[four ? 9 : 6]
  if (packet.length < l4 + 20) return four ? summed(out) : out
  if (protocol === 6) out[l4 + 13] = flags
  if (protocol === 1) out[l4] = 0
  else if (protocol === 58) out[l4] = 129
  else {
    packet.copy(out, l4, l4 + 2, l4 + 4)
    packet.copy(out, l4 + 2, l4, l4 + 2)
  }
  return four ? summed(out) : out
}

/** An error is of the family that its quote has. */
function answering(quoted: Buffer, ip: Ip): Ip {
  const six = (quoted[0] ?? 0) >> 4 === 6
  if (six === ip.includes(':')) return ip
  const n = families.flatMap((f) =>
    [0, 1, 2, 3].map((i) => [podAddress(i, f), podAddress(i, six ? 6 : 4)] as const),
  )
  const r = families.flatMap((f) => [0, 1, 2, 3].map((i) => [remote(i, f), remote(i, six ? 6 : 4)] as const))
  return [...n, ...r].find(([one]) => one === ip)?.[1] ?? outside[six ? 6 : 4]
}
