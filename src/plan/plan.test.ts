import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Cidr, cidrsOverlap, parseCidr } from '../base/cidr.ts'
import type { IfIndex } from '../base/ifindex.ts'
import { type Ip, parseIp } from '../base/ip.ts'
import { parseMac } from '../base/mac.ts'
import { must } from '../base/result.ts'
import { type Config, parseConfig } from '../schema/config.ts'
import type { Endpoint } from '../state/endpoint.ts'
import type { NodeRow } from '../state/rows.ts'
import { type NetworkInput, planNetwork } from './network.ts'
import { vxlanMac } from './pod_link.ts'
import { settleClaims } from './ranges.ts'
import type { Uplink } from './uplink.ts'

const ip = (t: string): Ip => must(parseIp(t))
const cidr = (t: string): Cidr => must(parseCidr(t))
const configOf = (text: string): Config => must(parseConfig(text, 'test'))
const node = (name: string, addresses: string[], podCidrs: string[]): NodeRow => ({
  name,
  addresses: addresses.map(ip),
  podCidrs: podCidrs.map(cidr),
  complaints: [],
})
const uplinkOf = (...addresses: [string, number][]): Uplink => ({
  index: 2 as IfIndex,
  name: 'eth0',
  mtuBytes: 1500,
  mac: undefined,
  addresses: addresses.map(([a, prefixLength]) => ({
    index: 2 as IfIndex,
    ip: ip(a),
    prefixLength,
    flags: 0,
    scope: 0,
  })),
})
const plan = (over: Partial<NetworkInput>) =>
  planNetwork({
    config: configOf(''),
    selfName: 'a',
    nodes: [],
    uplink: uplinkOf(['192.0.2.1', 24]),
    endpoints: [],
    recordedRanges: [],
    ...over,
  })

const three = [
  node('a', ['192.0.2.1'], ['10.244.1.0/24']),
  node('b', ['192.0.2.2'], ['10.244.2.0/24']),
  node('c', ['198.51.100.3'], ['10.244.3.0/24']),
]

test('a node on the segment is reached directly, one behind a router by VXLAN, each with its own mtu', () => {
  const network = plan({ nodes: three })
  assert.deepEqual(
    network.routes.map((r) => [r.type, r.dst, r.gateway, r.device, r.mtuBytes]),
    [
      ['unreachable', '10.244.1.0/24', undefined, undefined, undefined],
      ['unicast', '10.244.2.0/24', '192.0.2.2', 'eth0', 1500],
      ['unicast', '10.244.3.0/24', '10.244.3.1', 'podlane-vxlan', 1450],
    ],
  )
  // The way by the tunnel stands for b too: probes go by it.
  assert.deepEqual(
    network.fdb,
    ['192.0.2.2', '198.51.100.3'].map((dst) => ({ device: 'podlane-vxlan', mac: vxlanMac(ip(dst)), dst })),
  )
  assert.equal(network.podMtuBytes, 1450)
  assert.deepEqual(network.vxlan?.addresses, ['10.244.1.1'])
})

test('without a node behind a router there is no VXLAN device and pods have the full size', () => {
  const network = plan({ nodes: three.slice(0, 2) })
  assert.equal(network.vxlan, undefined)
  assert.equal(network.podMtuBytes, 1500)
})

test('pathMode direct names the node that it cannot reach, and the others work', () => {
  const network = plan({ nodes: three, config: configOf('pathMode: direct') })
  assert.deepEqual(
    network.peers.map((p) => [p.name, p.path]),
    [
      ['b', 'direct'],
      ['c', 'none'],
    ],
  )
  assert.deepEqual(
    network.complaints.map((c) => [c.kind, c.object]),
    [['not-direct', 'node c']],
  )
})

test('pathMode vxlan tunnels to every node', () => {
  const network = plan({ nodes: three, config: configOf('pathMode: vxlan') })
  assert.deepEqual(
    network.peers.map((p) => [p.name, p.path, p.why]),
    [
      ['b', 'vxlan', 'pathMode is vxlan'],
      ['c', 'vxlan', 'pathMode is vxlan'],
    ],
  )
})

test('IPv6 pods of a node with no IPv6 address are tunnelled, its IPv4 pods go direct', () => {
  const nodes = [
    node('a', ['192.0.2.1', '2001:db8::1'], ['10.244.1.0/24', 'fd00:1::/64']),
    node('b', ['192.0.2.2'], ['10.244.2.0/24', 'fd00:2::/64']),
  ]
  const network = plan({ nodes, uplink: uplinkOf(['192.0.2.1', 24], ['2001:db8::1', 64]) })
  assert.deepEqual(
    network.peers[0]?.ranges.map((r) => [r.cidr, r.path]),
    [
      ['10.244.2.0/24', 'direct'],
      ['fd00:2::/64', 'vxlan'],
    ],
  )
})

test('over an IPv6 underlay a tunnel costs 70 bytes', () => {
  const nodes = [node('a', ['2001:db8:1::1'], ['fd00:1::/64']), node('b', ['2001:db8:2::1'], ['fd00:2::/64'])]
  const network = plan({ nodes, uplink: uplinkOf(['2001:db8:1::1', 64]) })
  assert.equal(network.podMtuBytes, 1430)
  assert.equal(network.vxlan?.local, '2001:db8:1::1')
})

test('before the API is heard the ranges on record are this node’s', () => {
  const network = plan({ recordedRanges: [cidr('10.244.1.0/24')] })
  assert.deepEqual(network.ownRanges, ['10.244.1.0/24'])
  assert.deepEqual(network.complaints, [])
})

test('ranges in the config count before the Node’s', () => {
  const network = plan({ nodes: three, config: configOf('ipam: { ranges: [10.99.0.0/24] }') })
  assert.deepEqual(network.ownRanges, ['10.99.0.0/24'])
})

test('of overlapping claims this node’s own wins, then the first name; the loser is named', () => {
  const claims = settleClaims(
    [
      node('c', [], ['10.0.0.0/16']),
      node('b', [], ['10.0.1.0/24']),
      node('a', [], ['10.1.0.0/16']),
      node('z', [], ['10.1.2.0/24']),
    ],
    'z',
  )
  assert.deepEqual(
    [...claims.ranges],
    [
      ['z', ['10.1.2.0/24']],
      ['a', []],
      ['b', ['10.0.1.0/24']],
      ['c', []],
    ],
  )
  assert.deepEqual(claims.complaints.map((c) => [c.object, c.found]).sort(), [
    ['node a', '10.1.0.0/16, which overlaps 10.1.2.0/24 of node z'],
    ['node c', '10.0.0.0/16, which overlaps 10.0.1.0/24 of node b'],
  ])
})

test('a node without a range is named with the remedy', () => {
  const { complaints } = settleClaims([node('a', [], [])], 'a')
  assert.match(complaints[0]?.next ?? '', /allocate-node-cidrs/)
})

test('a pod range over the nodes’ network is left out and named, whoever claims it; the rest works', () => {
  for (const [range, overlapped] of [
    ['192.0.2.0/25', 'the address 192.0.2.1 on eth0'],
    ['192.0.0.0/16', 'the address 192.0.2.1 on eth0'],
    ['203.0.113.0/24', 'the address 203.0.113.4 of node d'],
  ] as const) {
    const network = plan({ nodes: [...three, node('d', ['192.0.2.4', '203.0.113.4'], [range])] })
    assert.deepEqual(
      network.complaints.map((c) => [c.object, c.wanted, c.found]),
      [['node d', "a pod range apart from the nodes' network", `${range}, which overlaps ${overlapped}`]],
    )
    assert.match(network.complaints[0]?.next ?? '', /give d another podCIDR/)
    assert.deepEqual(network.routes, plan({ nodes: three }).routes)
  }
})

test('ranges in the config that overlap the nodes’ network are left out and named', () => {
  const network = plan({ nodes: three, config: configOf('ipam: { ranges: [192.0.2.0/25, "fd00:1::/64"] }') })
  assert.deepEqual(network.ownRanges, ['fd00:1::/64'])
  assert.deepEqual(
    network.complaints.map((c) => [c.kind, c.object]),
    [['range-underlay', 'node a']],
  )
})

test('a range inside a wide segment counts, as long as no node of the pair is in it', () => {
  const nodes = [node('a', ['10.0.0.1'], ['10.244.1.0/24']), node('b', ['10.0.0.2'], ['10.244.2.0/24'])]
  const network = plan({ nodes, uplink: uplinkOf(['10.0.0.1', 8]) })
  assert.deepEqual(network.complaints, [])
  assert.equal(network.peers[0]?.path, 'direct')
})

test('what a node writes into its own Node object takes no range from another', () => {
  const nodes = [...three, node('evil', ['192.0.2.9', '10.244.2.7'], ['10.244.9.0/24'])]
  assert.deepEqual(plan({ nodes }).complaints, [])
})

test('an uplink address without a segment refuses just the ranges that contain it', () => {
  const uplink = uplinkOf(['203.0.113.7', 32])
  const found = (range: string) =>
    settleClaims([node('b', [], [range])], 'a', uplink).complaints.map((c) => c.found)
  assert.deepEqual(found('203.0.113.0/29'), [
    '203.0.113.0/29, which overlaps the address 203.0.113.7 on eth0',
  ])
  assert.deepEqual(found('203.0.113.8/29'), [])
})

test('a range over the nodes’ network takes nothing from a node whose range overlaps it', () => {
  const nodes = [node('a', [], ['192.0.0.0/8']), node('b', [], ['192.1.0.0/16'])]
  const claims = settleClaims(nodes, 'a', uplinkOf(['192.0.2.1', 24]))
  assert.deepEqual(claims.ranges.get('b'), ['192.1.0.0/16'])
})

const endpoint = (containerId: string, ...addresses: string[]): Endpoint => ({
  containerId,
  ifName: 'eth0',
  network: 'podlane',
  podUid: undefined,
  podMac: must(parseMac('02:00:00:00:00:01')),
  addresses: addresses.map(ip),
  link: {
    kind: 'veth',
    index: 9 as IfIndex,
    name: `pl${containerId}`,
    mac: must(parseMac('02:00:00:00:00:02')),
    mtuBytes: 1500,
  },
})

test('pods with addresses outside the node’s present range are counted, with the remedy, and keep their routes', () => {
  const endpoints = [endpoint('x', '10.244.7.2'), endpoint('y', '10.244.7.3'), endpoint('z', '10.244.1.2')]
  const network = plan({ nodes: three, endpoints })
  assert.deepEqual(
    network.complaints.map((c) => [c.object, c.wanted, c.found]),
    [['node a', 'pods with addresses in 10.244.1.0/24', '2 pods with addresses outside, such as 10.244.7.2']],
  )
  assert.match(network.complaints[0]?.next ?? '', /^recreate them/)
  assert.ok(network.routes.some((r) => r.dst === '10.244.7.2/32'))
})

test('while the node has no range its pods are not called outside of it', () => {
  assert.deepEqual(plan({ endpoints: [endpoint('x', '10.244.7.2')] }).complaints, [])
})

test('two pods with one address are named', () => {
  const endpoints = [endpoint('x', '10.244.1.2'), endpoint('y', '10.244.1.3'), endpoint('z', '10.244.1.2')]
  assert.deepEqual(
    plan({ nodes: three, endpoints }).complaints.map((c) => [c.kind, c.object, c.found]),
    [['address-double', 'address 10.244.1.2', '2: containers x (eth0), z (eth0)']],
  )
})

const rangeArb = fc
  .tuple(fc.integer({ min: 0, max: 15 }), fc.integer({ min: 22, max: 28 }))
  .map(([n, length]) => cidr(`10.0.${n}.0/${length}`))
const nodesArb = fc
  .uniqueArray(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.array(rangeArb, { maxLength: 2 })), {
    selector: ([n]) => n,
    maxLength: 12,
  })
  .map((rows) =>
    rows.map(
      ([n, ranges]): NodeRow => ({
        name: `n${n}`,
        addresses: [],
        podCidrs: [...new Set(ranges)],
        complaints: [],
      }),
    ),
  )

test('settled ranges never overlap, every claim is granted or named, and the order of rows does not matter', () => {
  fc.assert(
    fc.property(nodesArb, fc.integer({ min: 0, max: 40 }), (nodes, self) => {
      const claims = settleClaims(nodes, `n${self}`)
      const granted = [...claims.ranges].flatMap(([name, ranges]) => ranges.map((r) => ({ name, r })))
      for (const [i, x] of granted.entries()) {
        for (const y of granted.slice(i + 1))
          assert.ok(!cidrsOverlap(x.r, y.r), `${x.r} of ${x.name}, ${y.r} of ${y.name}`)
      }
      const asked = nodes.reduce((n, row) => n + row.podCidrs.length, 0)
      const refused = claims.complaints.filter((c) => c.kind === 'range-overlap').length
      assert.equal(granted.length + refused, asked)
      assert.deepEqual(settleClaims([...nodes].reverse(), `n${self}`), claims)
    }),
  )
})
