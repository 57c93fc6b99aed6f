// Facts of a walk for tests: one packet between two pods that goes well, and arbitrary ones of any kind.

import fc from 'fast-check'
import { type Cidr, parseCidr } from '../../base/cidr.ts'
import { ifIndex } from '../../base/ifindex.ts'
import { type Ip, parseIp } from '../../base/ip.ts'
import { type Mac, parseMac } from '../../base/mac.ts'
import { must } from '../../base/result.ts'
import type {
  Entry,
  FilterFacts,
  LaneFacts,
  LanePath,
  LinkFact,
  PodFact,
  RouteFact,
  WalkFacts,
} from '../../observe/walk/facts.ts'
import type { Packet, Wire } from '../../schema/walk.ts'

export const ip = (text: string): Ip => must(parseIp(text))
export const mac = (text: string): Mac => must(parseMac(text))
export const cidr = (text: string): Cidr => must(parseCidr(text))

export const link = (index: number, name: string, more: Partial<LinkFact> = {}): LinkFact => ({
  ...{ index: ifIndex(index), name, kind: 'veth', mac: mac('02:00:00:00:00:01'), mtuBytes: 1500 },
  ...{ up: true, queue: 'noqueue' },
  ...more,
})

const uplink = link(2, 'eth0')
const podMac = mac('0a:70:0a:f4:01:02')
export const pod = (n: number, more: Partial<PodFact> = {}): PodFact => ({
  name: `default/pod${n}`,
  addresses: [ip(`10.244.1.${n}`)],
  mac: podMac,
  link: link(n + 10, `podl${n}`),
  end: link(2, 'eth0'),
  onSent: [{ name: 'pod_egress' }],
  onReceived: [{ name: 'pod_ingress' }],
  ...more,
})

const peerMac = mac('02:00:00:00:00:02')
export const path = (kind: LanePath['kind'], more: Partial<LanePath> = {}): LanePath => ({
  ...{ kind, lane: 'fast', device: 2, mtuBytes: kind === 'vxlan' ? 1450 : 1500, hop: 'good' },
  ...{ hopMac: peerMac, peer: ip('192.0.2.2'), own: ip('192.0.2.1') },
  ...{ ownMac: mac('02:00:00:00:00:01'), directMac: peerMac },
  ...more,
})

export const lane = (more: Partial<LaneFacts> = {}): LaneFacts => ({
  source: { index: 12, mac: podMac, limited: false },
  destination: undefined,
  here: path('here'),
  path: path('direct'),
  flow: undefined,
  ...more,
})

const filter: FilterFacts = {
  ...{
    sourceIsPods: true,
    sourceInCluster: true,
    sourceIsOwn: true,
    sourceIsTunnelEnd: false,
    targetUnmasqueraded: true,
    targetIsNode: false,
  },
  ...{ senderIsNodes: true, outerSourceIsNode: true, outerDestinationIsNode: true, hostPort: undefined },
  drops: new Map([['pod_spoofed', 3]]),
}
export const route = (more: Partial<Exclude<RouteFact, { refused: string }>> = {}): RouteFact => ({
  ...{ type: 'unicast', device: uplink, gateway: ip('192.0.2.2'), source: undefined, mtuBytes: 1500 },
  entry: cidr('10.244.2.0/24'),
  ...more,
})

export const packet: Packet = {
  ...{ source: ip('10.244.1.2'), destination: ip('10.244.2.2'), protocol: 'tcp', port: 80, bytes: 64 },
}

/** From a pod of node n1 to a pod of n2, by the direct path and the fast lane. */
export const facts = (more: Partial<WalkFacts> = {}): WalkFacts => ({
  ...{
    node: 'n1',
    packet,
    entry: { kind: 'pod', pod: pod(2) },
    lane: lane(),
    kernel: { answers: true, mixesFamilies: true },
  },
  ...{
    vxlanPort: 4789,
    probePort: 9475,
    vni: 112,
    uplink,
    uplinkPrograms: [{ name: 'uplink_ingress' }],
    tracked: undefined,
  },
  ...{ filter, others: [], target: { ip: packet.destination, port: 80 }, route: route() },
  neighbour: { ip: ip('192.0.2.2'), mac: peerMac, state: 'known' },
  tunnelDevice: link(3, 'podlane-vxlan', { kind: 'vxlan', mtuBytes: 1450 }),
  ...{ tunnel: undefined, masqueraded: ip('192.0.2.1'), receiver: undefined, notes: [] },
  peer: { name: 'n2', address: ip('192.0.2.2'), onLink: [ip('192.0.2.2')], range: cidr('10.244.2.0/24') },
  ...more,
})

export const wire = (more: Partial<Wire> = {}): Wire => ({
  packet: { ...packet, source: ip('10.244.2.2'), destination: ip('10.244.1.2') },
  sourceMac: peerMac,
  ...more,
})

/** The same node as the receiver. */
export const arriving = (more: Partial<WalkFacts> = {}): WalkFacts =>
  facts({
    ...{ packet: wire().packet, entry: { kind: 'wire', wire: wire() }, receiver: pod(2) },
    ...{
      target: { ip: ip('10.244.1.2'), port: 80 },
      lane: lane({ destination: lane().source, source: undefined }),
    },
    route: route({ device: pod(2).link, gateway: undefined, entry: cidr('10.244.1.2/32') }),
    neighbour: { ip: ip('10.244.1.2'), mac: podMac, state: 'fixed' },
    ...more,
  })

const flag = fc.boolean()
const orNot = <T>(a: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(a, { nil: undefined })
const bytes = fc.integer({ min: 20, max: 9000 })
const mtu = fc.integer({ min: 576, max: 9000 })
const anyMac = fc.constantFrom(podMac, peerMac)
const anyIp = fc.constantFrom('10.244.1.2', '10.244.2.2', '192.0.2.1', '192.0.2.2', '127.0.0.1').map(ip)
const anyLink = fc
  .tuple(fc.constantFrom(2, 12, 13), mtu, fc.boolean(), fc.constantFrom('noqueue', 'tbf', undefined))
  .map(([index, mtuBytes, up, queue]) => link(index, `if${index}`, { mtuBytes, up, queue }))
const programs = fc.subarray([
  { name: 'pod_egress' },
  { name: 'pod_ingress', runNs: 40 },
  { name: 'uplink_ingress' },
  { name: 'other' },
])
const anyPod: fc.Arbitrary<PodFact> = fc
  .record({ link: orNot(anyLink), end: orNot(anyLink), onSent: programs, onReceived: programs, mac: anyMac })
  .map((more) => pod(2, more))
const anyPath: fc.Arbitrary<LanePath> = fc
  .record({
    kind: fc.constantFrom('direct' as const, 'vxlan' as const),
    lane: fc.constantFrom('fast' as const, 'plain' as const),
    mtuBytes: mtu,
    hop: fc.constantFrom('good' as const, 'moved' as const, 'none' as const),
    hopMac: orNot(anyMac),
    directMac: orNot(anyMac),
    peer: anyIp,
    own: anyIp,
  })
  .map(({ kind, ...more }) => path(kind, more))
const anyEndpoint = fc.record({ index: fc.constantFrom(12, 13), mac: anyMac, limited: fc.boolean() })
const anyLane: fc.Arbitrary<LaneFacts> = fc.record({
  source: orNot(anyEndpoint),
  destination: orNot(anyEndpoint),
  here: orNot(anyPath.map((p) => ({ ...p, kind: 'here' as const }))),
  path: orNot(anyPath),
  flow: orNot(
    fc.record({
      table: fc.constantFrom('flows' as const, 'half_open' as const),
      lane: fc.constantFrom('fast' as const, 'plain' as const),
      why: fc.constant('why'),
      current: fc.boolean(),
      sourcePort: fc.constant(1),
      bothSeen: fc.boolean(),
    }),
  ),
})
const anyPacket: fc.Arbitrary<Packet> = fc.record({
  source: anyIp,
  destination: anyIp,
  protocol: fc.constantFrom('tcp' as const, 'udp' as const, 'icmp' as const),
  bytes,
  port: fc.constantFrom(80, 4789),
})
const anyWire: fc.Arbitrary<Wire> = fc
  .record({
    packet: anyPacket,
    sourceMac: orNot(anyMac),
    outer: orNot(
      fc.record({ source: anyIp, destination: anyIp, vni: fc.constantFrom(112, 1), port: fc.constant(4789) }),
    ),
  })
  .map(({ packet: p, sourceMac, outer }) => ({
    packet: p,
    ...(sourceMac === undefined ? {} : { sourceMac }),
    ...(outer === undefined ? {} : { outer }),
  }))
const anyEntry: fc.Arbitrary<Entry> = fc.oneof(
  anyPod.map((p): Entry => ({ kind: 'pod', pod: p })),
  fc.constant<Entry>({ kind: 'node' }),
  anyWire.map((w): Entry => ({ kind: 'wire', wire: w })),
)
const anyRoute: fc.Arbitrary<RouteFact> = fc.oneof(
  fc.constant<RouteFact>({ refused: 'EHOSTUNREACH' }),
  fc
    .record({
      type: fc.constantFrom('unicast', 'local', 'unreachable'),
      device: orNot(anyLink),
      mtuBytes: orNot(mtu),
    })
    .map((more) => route(more)),
)
const anyNeighbour = orNot(
  fc.record({
    ip: anyIp,
    mac: orNot(anyMac),
    state: fc.constantFrom('fixed' as const, 'known' as const, 'failed' as const, 'unknown' as const),
  }),
)
const anyFilter: fc.Arbitrary<FilterFacts> = fc.record({
  ...{
    sourceIsPods: flag,
    sourceInCluster: flag,
    sourceIsOwn: flag,
    sourceIsTunnelEnd: flag,
    targetUnmasqueraded: flag,
    targetIsNode: flag,
  },
  ...{ senderIsNodes: flag, outerSourceIsNode: flag, outerDestinationIsNode: flag },
  hostPort: orNot(fc.record({ to: anyIp, port: fc.constant(80) })),
  drops: orNot(fc.constant(new Map<string, number>())),
})

/** Whatever a kernel may say, sensible or not. */
export const anyFacts: fc.Arbitrary<WalkFacts> = fc
  .record({
    entry: anyEntry,
    packet: anyPacket,
    lane: orNot(anyLane),
    kernel: fc.record({ answers: flag, mixesFamilies: flag }),
    uplink: orNot(anyLink),
    uplinkPrograms: programs,
    filter: anyFilter,
    others: fc.subarray([
      { table: 'ip kube-proxy', hook: 'prerouting', translates: true },
      { table: 'inet mine', hook: 'forward', translates: false },
    ] as const),
    route: anyRoute,
    neighbour: anyNeighbour,
    tunnelDevice: orNot(anyLink),
    tunnel: orNot(
      fc.record({
        vni: fc.constant(112),
        port: fc.constant(4789),
        local: orNot(anyIp),
        remote: orNot(anyIp),
        route: orNot(anyRoute),
        neighbour: anyNeighbour,
      }),
    ),
    receiver: orNot(anyPod),
    tracked: orNot(
      fc.record({
        original: fc.record({
          source: anyIp,
          destination: anyIp,
          protocol: fc.constant(6),
          sourcePort: fc.constant(1),
          port: fc.constant(80),
        }),
        reply: fc.record({
          source: anyIp,
          destination: anyIp,
          protocol: fc.constant(6),
          sourcePort: fc.constant(80),
          port: fc.constant(1),
        }),
        ...{ answered: flag, translatesSource: flag, translatesDestination: flag },
      }),
    ),
    masqueraded: orNot(anyIp),
  })
  .map((more) => {
    const of = more.entry.kind === 'wire' ? more.entry.wire.packet : more.packet
    return facts({ ...more, packet: of, target: { ip: of.destination, port: of.port } })
  })
