import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { cidrContains, cidrOf } from '../base/cidr.ts'
import { must } from '../base/result.ts'
import { planTopology, type Topology, type TopologyOptions } from './topology.ts'

const usual: TopologyOptions = { nodes: 3, segments: 1, families: 'ipv4', mtuBytes: 1500 }
const plan = (options: Partial<TopologyOptions> = {}): Topology =>
  must(planTopology({ ...usual, ...options }))
const table = (topology: Topology): readonly string[] =>
  topology.nodes.map(
    (n) =>
      `${n.name} ${n.segment} ${n.addresses.map((a) => `${a.ip}/${a.prefixLength}`).join(' ')} via ${n.gateways.join(' ')}`,
  )

test('three nodes share one segment behind its router', () => {
  assert.deepEqual(table(plan()), [
    'node1 segment1 10.90.1.11/24 via 10.90.1.1',
    'node2 segment1 10.90.1.12/24 via 10.90.1.1',
    'node3 segment1 10.90.1.13/24 via 10.90.1.1',
  ])
})

test('on two segments the first nodes share one and the last has the other', () => {
  assert.deepEqual(table(plan({ segments: 2 })), [
    'node1 segment1 10.90.1.11/24 via 10.90.1.1',
    'node2 segment1 10.90.1.12/24 via 10.90.1.1',
    'node3 segment2 10.90.2.11/24 via 10.90.2.1',
  ])
})

test('dual stack gives every node and range both families, IPv4 first', () => {
  const both = plan({ nodes: 1, families: 'dual' })
  assert.deepEqual(table(both), ['node1 segment1 10.90.1.11/24 fd90:0:0:1::b/64 via 10.90.1.1 fd90:0:0:1::1'])
  assert.deepEqual(
    both.clusterRanges.map((r) => r.cidr),
    ['10.244.0.0/16', 'fd00:10:244::/48'],
  )
  assert.deepEqual(
    both.outside.addresses.map((a) => a.ip),
    ['198.51.100.2', '2001:db8:100::2'],
  )
})

test('a lab of IPv6 alone has no IPv4 address anywhere', () => {
  assert.doesNotMatch(JSON.stringify(plan({ families: 'ipv6', segments: 3 })), /\d+\.\d+\.\d+\.\d+/)
})

test('every segment has a node, every address is unique and lies in its segment', () => {
  const options = fc.integer({ min: 1, max: 100 }).chain((nodes) =>
    fc.record({
      nodes: fc.constant(nodes),
      segments: fc.integer({ min: 1, max: Math.min(nodes, 20) }),
      families: fc.constantFrom('ipv4', 'ipv6', 'dual'),
      mtuBytes: fc.constant(1500),
    }),
  )
  fc.assert(
    fc.property(options, (o) => {
      const topology = plan(o)
      const used = topology.nodes.flatMap((n) => n.addresses.map((a) => a.ip))
      const routers = topology.segments.flatMap((s) => s.gateways.map((a) => a.ip))
      assert.equal(new Set([...used, ...routers]).size, used.length + routers.length)
      assert.deepEqual(
        [...new Set(topology.nodes.map((n) => n.segment))],
        topology.segments.map((s) => s.name),
      )
      for (const node of topology.nodes)
        for (const [i, address] of node.addresses.entries())
          assert.ok(cidrContains(cidrOf(address.ip, address.prefixLength), node.gateways[i] ?? address.ip))
    }),
  )
})

test('an impossible number is refused by the name of its option', () => {
  for (const [options, name] of [
    [{ nodes: 0 }, '--nodes'],
    [{ nodes: 1.5 }, '--nodes'],
    [{ segments: 4 }, '--segments'],
    [{ mtuBytes: 100 }, '--mtu'],
  ] as const) {
    const planned = planTopology({ ...usual, ...options })
    assert.equal(planned.ok ? undefined : planned.error.object, name)
  }
})
