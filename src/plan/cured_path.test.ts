import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Cidr, parseCidr } from '../base/cidr.ts'
import type { IfIndex } from '../base/ifindex.ts'
import { type Ip, parseIp } from '../base/ip.ts'
import { must } from '../base/result.ts'
import { parseConfig } from '../schema/config.ts'
import { planNetwork } from './network.ts'
import type { PathCure, Sickness } from './path_cures.ts'

const ip = (t: string): Ip => must(parseIp(t))
const cidr = (t: string): Cidr => must(parseCidr(t))
const node = (name: string, addresses: string[], podCidrs: string[]) => ({
  ...{ name, addresses: addresses.map(ip), podCidrs: podCidrs.map(cidr), complaints: [] },
})
const uplink = {
  ...{ index: 2 as IfIndex, name: 'eth0', mtuBytes: 1500, mac: undefined },
  addresses: [{ index: 2 as IfIndex, ip: ip('192.0.2.1'), prefixLength: 24, flags: 0, scope: 0 }],
}
const a = node('a', ['192.0.2.1'], ['10.244.1.0/24'])
const onSegment = node('d', ['192.0.2.4'], ['10.244.4.0/24'])
/** `b` is on the segment, `c` behind a router. */
const nodes = [
  a,
  node('b', ['192.0.2.2'], ['10.244.2.0/24', 'fd00:2::/64']),
  node('c', ['198.51.100.3'], ['10.244.3.0/24', 'fd00:3::/64']),
]

type Cure = readonly [string, ...Sickness[]]
const plan = (pathMode: string, ...cures: readonly Cure[]) => planWith(pathMode, cures)

function planWith(pathMode: string, cures: readonly Cure[], proven?: PathCure['proven']) {
  const network = planNetwork({
    ...{ config: must(parseConfig(`pathMode: ${pathMode}`, 'test')), selfName: 'a', nodes, uplink },
    ...{ endpoints: [], recordedRanges: [] },
    cures: cures.map(([peer, ...sick]): PathCure => ({ peer, sick, proven: proven ?? ['direct', 'vxlan'] })),
  })
  const peer = (name: string) => network.peers.find((p) => p.name === name)
  const kinds = (name: string) => peer(name)?.ranges.map((r) => r.path)
  const told = network.complaints.filter((c) => c.kind.startsWith('path-'))
  return { network, peer, kinds, told }
}

test('without a cure nothing of a plan is different', () => {
  const { network, told } = plan('auto')
  assert.deepEqual(told, [])
  assert.ok(network.peers.every((p) => p.workaround === undefined && !p.softwareChecksums))
  assert.equal(network.vxlan?.softwareChecksums, false)
})

test('a direct path that is sick gives way to the tunnel, whose MTU counts then', () => {
  const { peer, kinds, told, network } = plan('auto', ['b', { kind: 'direct', reach: 'none' }])
  assert.deepEqual(kinds('b'), ['vxlan', 'vxlan'])
  assert.equal(peer('b')?.mtuBytes, 1450)
  assert.match(peer('b')?.why ?? '', /; worked around: VXLAN instead of direct packets$/)
  assert.match(told[0]?.next ?? '', /worked around by VXLAN/)
  assert.ok(network.fdb.some((f) => f.dst === '192.0.2.2'))
})

test('a tunnel that is sick stays and is named: chosen by the config, or since there is no direct way', () => {
  const dead = { kind: 'vxlan', reach: 'in-only' } as const
  const { kinds, told } = plan('vxlan', ['b', dead], ['c', dead])
  assert.deepEqual(kinds('b'), ['vxlan', 'vxlan'])
  assert.match(told.find((f) => f.object === 'path to b (vxlan)')?.next ?? '', /no other path/)
  assert.deepEqual(plan('auto', ['c', dead]).kinds('c'), ['vxlan', 'vxlan'])
  assert.match(told.find((f) => f.object === 'path to c (vxlan)')?.next ?? '', /no other path/)
})

test('a tunnel that nobody has seen carry stands for being looked at, and nothing goes by it', () => {
  const { kinds, network, told } = planWith('auto', [['b', { kind: 'direct', reach: 'none' }]], [])
  assert.deepEqual(kinds('b'), ['direct', 'vxlan'])
  assert.match(told[0]?.next ?? '', /no other path has been seen/)
  const alone = planNetwork({
    ...{ config: must(parseConfig('', 'test')), selfName: 'a', nodes: [a, onSegment], uplink, endpoints: [] },
    ...{ recordedRanges: [], cures: [{ peer: 'd', sick: [{ kind: 'direct', reach: 'none' }], proven: [] }] },
  })
  assert.equal(alone.peers[0]?.path, 'direct')
  assert.ok(alone.vxlan)
  assert.equal(network.peers.length, 2)
})

test('pathMode direct never tunnels, sick or not', () => {
  assert.deepEqual(plan('direct', ['b', { kind: 'direct', reach: 'none' }]).kinds('b'), ['direct'])
})

const kindsOfB = (proven: PathCure['proven'], ...sick: readonly Sickness[]) =>
  planWith('auto', [['b', ...sick]], proven).kinds('b')

test('where both kinds are sick the usual one stays', () => {
  const [direct, vxlan] = [
    { kind: 'direct', reach: 'none' } as const,
    { kind: 'vxlan', reach: 'none' } as const,
  ]
  assert.deepEqual(kindsOfB([], direct, vxlan), ['direct', 'vxlan'])
  assert.deepEqual(kindsOfB(['vxlan'], direct, { ...vxlan, reach: 'in-only' }), ['direct', 'vxlan'])
})

test('a tunnel that was taken for a broken direct path is kept when the peer falls silent', () => {
  const silent = { kind: 'vxlan', reach: 'none' } as const
  for (const broken of [{ reach: 'in-only' }, { reach: 'none' }, { offload: 'checksum' }] as const)
    assert.deepEqual(kindsOfB(['vxlan'], { kind: 'direct', ...broken }, silent), ['vxlan', 'vxlan'])
  const small = { kind: 'direct', offload: 'large' } as const
  assert.deepEqual(kindsOfB(['vxlan'], small, silent), ['direct', 'vxlan'], 'small packets arrive by it')
})

test('a smaller MTU is on the routes of that peer alone, and IPv6 keeps its least', () => {
  const { network, told } = plan('auto', ['c', { kind: 'vxlan', mtuBytes: 1200 }])
  const mtus = network.routes.filter((r) => r.mtuBytes !== undefined).map((r) => [r.dst, r.mtuBytes])
  assert.deepEqual(mtus, [
    ['10.244.2.0/24', 1500],
    ['fd00:2::/64', 1450],
    ['10.244.3.0/24', 1200],
    ['fd00:3::/64', 1280],
  ])
  assert.equal(network.podMtuBytes, 1200)
  assert.equal(network.vxlan?.mtuBytes, 1450)
  assert.match(told[0]?.found ?? '', /above 1200 bytes/)
})

test('a sick path that nobody would take is no complaint', () => {
  const { told, peer } = plan(
    'auto',
    ['b', { kind: 'direct', mtuBytes: 1400 }],
    ['c', { kind: 'direct', reach: 'none' }],
  )
  assert.deepEqual(
    told.map((f) => f.object),
    ['path to b (direct)'],
  )
  assert.equal(peer('c')?.workaround, undefined)
})

test('spoilt checksums are made by the stack; on a direct path only the tunnel can do that', () => {
  const tunnel = plan('auto', ['c', { kind: 'vxlan', offload: 'checksum' }])
  assert.equal(tunnel.network.vxlan?.softwareChecksums, true)
  assert.equal(tunnel.peer('c')?.softwareChecksums, true)
  assert.equal(tunnel.peer('b')?.softwareChecksums, false)
  const direct = plan('auto', ['b', { kind: 'direct', offload: 'checksum' }])
  assert.deepEqual(direct.kinds('b'), ['vxlan', 'vxlan'])
  assert.equal(direct.network.vxlan?.softwareChecksums, true)
})

test('what many peers have in common is told once', () => {
  const many = Array.from({ length: 40 }, (_, i) =>
    node(`m${i}`, [`192.0.2.${100 + i}`], [`10.244.${100 + i}.0/24`]),
  )
  const silent = { kind: 'direct', reach: 'none' } as const
  const network = planNetwork({
    ...{ config: must(parseConfig('', 'test')), selfName: 'a', nodes: [a, ...many], uplink, endpoints: [] },
    recordedRanges: [],
    cures: many.map(({ name }) => ({ peer: name, sick: [silent], proven: [] })),
  })
  assert.deepEqual(
    network.complaints.map((c) => c.object),
    ['path to m0 (direct) and 39 others'],
  )
})
