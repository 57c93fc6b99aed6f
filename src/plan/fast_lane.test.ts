import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCidr } from '../base/cidr.ts'
import type { IfIndex } from '../base/ifindex.ts'
import { type Ip, parseIp } from '../base/ip.ts'
import { parseMac } from '../base/mac.ts'
import { must } from '../base/result.ts'
import { parseConfig } from '../schema/config.ts'
import type { Endpoint } from '../state/endpoint.ts'
import type { NodeRow } from '../state/rows.ts'
import { type FastLaneInput, neededGateways, planFastLane, podsOf } from './fast_lane.ts'
import { planNetwork } from './network.ts'
import type { PathCure } from './path_cures.ts'
import { vxlanMac } from './pod_link.ts'
import type { Uplink } from './uplink.ts'

const ip = (t: string): Ip => must(parseIp(t))
const mac = (t: string) => must(parseMac(t))
const node = (name: string, addresses: string[], podCidrs: string[]): NodeRow => ({
  name,
  addresses: addresses.map(ip),
  podCidrs: podCidrs.map((t) => must(parseCidr(t))),
  complaints: [],
})
const index = 2 as IfIndex
const uplink: Uplink = {
  index,
  name: 'eth0',
  mtuBytes: 1500,
  mac: mac('02:00:00:00:00:01'),
  addresses: [
    { index, ip: ip('192.0.2.1'), prefixLength: 24, flags: 0, scope: 0 },
    { index, ip: ip('2001:db8::1'), prefixLength: 64, flags: 0, scope: 0 },
  ],
}
const self = node('a', ['192.0.2.1', '2001:db8::1'], ['10.244.1.0/24', 'fd00:1::/64'])
const near = node('b', ['192.0.2.2', '2001:db8::2'], ['10.244.2.0/24', 'fd00:2::/64'])
const far = node('c', ['198.51.100.3'], ['10.244.3.0/24', 'fd00:3::/64'])
const macs = new Map([
  [ip('192.0.2.2'), mac('02:00:00:00:00:02')],
  [ip('2001:db8::2'), mac('02:00:00:00:00:02')],
  [ip('192.0.2.254'), mac('02:00:00:00:00:fe')],
])
const gateways = new Map([[ip('198.51.100.3'), ip('192.0.2.254')]])

function plan(
  over: Partial<FastLaneInput> = {},
  nodes = [self, near, far],
  text = '',
  cures: readonly PathCure[] = [],
) {
  const config = must(parseConfig(text, 'test'))
  const standing = { config, selfName: 'a', nodes, uplink, endpoints: [], recordedRanges: [], cures }
  const network = planNetwork(standing)
  const input = { config, network, uplink, endpoints: [], limited: new Set<IfIndex>(), macs, gateways }
  return { network, ...planFastLane({ ...input, laneOf: () => 'fast', ...over }) }
}
const rows = (planned: ReturnType<typeof plan>) =>
  planned.paths.map((p) => [p.peer, p.kind, p.ranges.join(' '), p.hop?.ip, p.lane, p.mtuBytes])

test('a dual-stack node on the segment has a path for each family, one behind a router a path for both', () => {
  assert.deepEqual(rows(plan()), [
    ['b', 'direct', '10.244.2.0/24', '192.0.2.2', 'fast', 1500],
    ['b', 'direct', 'fd00:2::/64', '2001:db8::2', 'fast', 1500],
    ['c', 'vxlan', '10.244.3.0/24 fd00:3::/64', '192.0.2.254', 'fast', 1450],
  ])
})

test('a path keeps its key while its node, kind and next hop stay', () => {
  const keys = plan().paths.map((p) => p.key)
  assert.equal(new Set(keys).size, 3)
  const again = plan({ laneOf: () => 'plain' }, [far, self, near])
  assert.deepEqual(again.paths.map((p) => p.key).sort(), [...keys].sort())
})

test('a next hop whose MAC is not known, or that is not known itself, makes a path plain with the reason', () => {
  const unresolved = plan({ macs: new Map() })
  assert.deepEqual(
    unresolved.paths.map((p) => [p.lane, p.why]),
    [
      ['plain', 'the MAC of 192.0.2.2 is not known yet'],
      ['plain', 'the MAC of 2001:db8::2 is not known yet'],
      ['plain', 'the MAC of 192.0.2.254 is not known yet'],
    ],
  )
  const unrouted = plan({ gateways: new Map() }).paths[2]
  assert.deepEqual([unrouted?.lane, unrouted?.why], ['plain', 'no route to 198.51.100.3 is known'])
})

test('a node’s own MAC is known only on the segment; in the tunnel it goes by its address', () => {
  const [direct, , tunnelled] = plan().paths
  assert.equal(direct?.directMac, '02:00:00:00:00:02')
  assert.equal(tunnelled?.directMac, undefined)
  assert.deepEqual(tunnelled?.tunnel, {
    source: vxlanMac(ip('192.0.2.1')),
    destination: vxlanMac(ip('198.51.100.3')),
    vni: 112,
    port: 4789,
  })
  // One that is told to use the tunnel may be sent to directly by a peer that is not.
  const [all] = plan({}, undefined, 'pathMode: vxlan').paths
  assert.deepEqual([all?.kind, all?.directMac, all?.hop?.ip], ['vxlan', '02:00:00:00:00:02', '192.0.2.2'])
})

test('the lane is a peer’s own wish, and the node’s for what stays here', () => {
  const planned = plan({ laneOf: (peer) => (peer === 'b' ? 'plain' : 'fast') })
  assert.equal(planned.lane, 'fast')
  assert.deepEqual(
    planned.paths.map((p) => p.lane),
    ['plain', 'plain', 'fast'],
  )
})

test('a pod’s addresses lead to its link, and say whether it is limited', () => {
  const endpoint: Endpoint = {
    containerId: 'c1',
    ifName: 'eth0',
    network: 'podlane',
    podUid: undefined,
    podMac: mac('0a:70:0a:f4:01:02'),
    addresses: [ip('10.244.1.2'), ip('fd00:1::2')],
    link: { kind: 'veth', index: 7 as IfIndex, name: 'podl1', mac: mac('02:70:6c:00:00:01'), mtuBytes: 1450 },
  }
  assert.deepEqual(
    podsOf(endpoint, true),
    endpoint.addresses.map((address) => ({ ip: address, index: 7, mac: endpoint.podMac, limited: true })),
  )
  const queues = new Set([7, 8].map((index) => index as IfIndex))
  assert.deepEqual([...plan({ endpoints: [endpoint], limited: queues }).limited], [7])
  assert.deepEqual([...plan({ endpoints: [endpoint] }).limited], [])
})

test('without an uplink, or with one that has no MAC, there is no path', () => {
  assert.deepEqual(plan({ uplink: undefined }).paths, [])
  assert.deepEqual(plan({ uplink: { ...uplink, mac: undefined } }).paths, [])
})

test('gateways are needed for the nodes behind them alone, each once', () => {
  const other = node('d', ['198.51.100.4'], ['10.244.4.0/24'])
  const known = new Map([
    ...gateways,
    [ip('198.51.100.4'), ip('192.0.2.254')],
    [ip('192.0.2.2'), ip('192.0.2.9')],
  ])
  assert.deepEqual(neededGateways(plan({}, [self, near, far, other]).network, known), ['192.0.2.254'])
})

test('where one peer’s tunnel needs the checksums of the stack all tunnels are plain: it is the same device', () => {
  const other = node('d', ['198.51.100.4'], ['10.244.4.0/24'])
  const cure: PathCure = { peer: 'c', sick: [{ kind: 'vxlan', offload: 'checksum' }], proven: [] }
  const known = new Map([...gateways, [ip('198.51.100.4'), ip('192.0.2.254')]])
  const why = 'checksums in the tunnel have to be made by the stack'
  assert.deepEqual(
    plan({ gateways: known }, [self, near, far, other], '', [cure]).paths.map((p) => [p.peer, p.lane, p.why]),
    [
      ['b', 'fast', ''],
      ['b', 'fast', ''],
      ['c', 'plain', why],
      ['d', 'plain', why],
    ],
  )
  // Of a peer that is gone nothing is done any more.
  assert.equal(plan({ gateways: known }, [self, near, other], '', [cure]).paths.at(-1)?.lane, 'fast')
})
