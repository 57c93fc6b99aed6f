import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { WalkFacts } from '../../observe/walk/facts.ts'
import { parseWalkAnswer, type Walk } from '../../schema/walk.ts'
import {
  anyFacts,
  arriving,
  facts,
  ip,
  lane,
  link,
  packet,
  path,
  pod,
  route,
  wire,
} from '../testing/walk_facts.ts'
import { judge } from './answer.ts'
import { withCosts } from './costs.ts'
import { walkOf } from './walk.ts'

const kinds = (walk: Walk): string => walk.hops.map((h) => h.kind).join(' ')
const told = (f: WalkFacts): string[] => {
  const walk = walkOf(f)
  return [walk.verdict, walk.lane, walk.path]
}

test('a pod’s packet to another node goes fast and direct, and its wire says what arrives there', () => {
  const walk = walkOf(facts())
  assert.equal(kinds(walk), 'pod program neighbour uplink node')
  assert.deepEqual([walk.verdict, walk.lane, walk.path, walk.largestBytes], ['sent', 'fast', 'direct', 1500])
  assert.deepEqual(walk.wire, { packet, sourceMac: '02:00:00:00:00:01' })
})

test('through a tunnel it is 50 bytes less, and the outer addresses are the path’s', () => {
  const walk = walkOf(facts({ lane: lane({ path: path('vxlan') }) }))
  assert.equal(kinds(walk), 'pod program encapsulation neighbour uplink node')
  assert.equal(walk.largestBytes, 1450)
  assert.deepEqual(walk.wire?.outer, { source: '192.0.2.1', destination: '192.0.2.2', vni: 112, port: 4789 })
})

test('each reason of the programs for the plain lane is told in its words', () => {
  const cases: readonly (readonly [RegExp, Partial<WalkFacts>])[] = [
    [/no fast lane/, { lane: undefined }],
    [/no program at the pod/, { entry: { kind: 'pod', pod: pod(2, { onSent: [{ name: 'other' }] }) } }],
    [/source address belongs/, { lane: lane({ source: undefined }) }],
    [/source address belongs/, { packet: { ...packet, protocol: 'udp', port: 4789 } }],
    [/no pod that is known/, { lane: lane({ path: undefined }) }],
    [/bandwidth limit/, { lane: lane({ source: { index: 12, mac: pod(2).mac, limited: true } }) }],
    [/lane of its path is plain/, { lane: lane({ path: path('direct', { lane: 'plain' }) }) }],
    [/next hop has moved/, { lane: lane({ path: path('direct', { hop: 'moved' }) }) }],
    [/MAC is not known yet/, { lane: lane({ path: path('direct', { hop: 'none' }) }) }],
    [
      /path’s MTU of 1500/,
      {
        packet: { ...packet, bytes: 1501 },
        entry: { kind: 'pod', pod: pod(2, { end: link(2, 'eth0', { mtuBytes: 9000 }) }) },
      },
    ],
    [/kernel cannot be asked/, { kernel: { answers: false, mixesFamilies: true } }],
    [
      /refused to change/,
      {
        kernel: { answers: true, mixesFamilies: false },
        lane: lane({ path: path('vxlan', { peer: ip('2001:db8::2') }) }),
      },
    ],
    [/translates the flow/, { tracked: tracked({ translatesDestination: true }) }],
    [
      /decided for the flow’s life/,
      { lane: lane({ flow: { ...flow, lane: 'plain', why: 'the pod has a bandwidth limit' } }) },
    ],
  ]
  for (const [why, more] of cases) {
    const walk = walkOf(facts(more))
    assert.equal(walk.lane, 'plain')
    assert.match(walk.laneWhy, why)
  }
})

const flow = {
  table: 'flows',
  lane: 'fast',
  why: '',
  current: true,
  sourcePort: 4000,
  bothSeen: true,
} as const
const tracked = (more: object) => ({
  original: { source: packet.source, destination: packet.destination, protocol: 6, sourcePort: 1, port: 80 },
  reply: { source: packet.destination, destination: packet.source, protocol: 6, sourcePort: 80, port: 1 },
  ...{ answered: true, translatesSource: false, translatesDestination: false },
  ...more,
})

test('a known flow keeps its lane until its epoch is old', () => {
  const limited = { index: 12, mac: pod(2).mac, limited: true }
  assert.equal(walkOf(facts({ lane: lane({ source: limited, flow }) })).lane, 'fast')
  assert.equal(
    walkOf(facts({ lane: lane({ source: limited, flow: { ...flow, current: false } }) })).lane,
    'plain',
  )
})

test('what arrives is taken only from the node that has the source’s range', () => {
  assert.deepEqual(told(arriving()), ['delivered', 'fast', 'direct'])
  const from = (more: object): WalkFacts => arriving({ entry: { kind: 'wire', wire: wire(more) } })
  const forged = from({ sourceMac: '02:00:00:00:00:77' })
  assert.deepEqual(told(forged), ['delivered', 'plain', 'direct'])
  assert.equal(walkOf({ ...forged, filter: { ...forged.filter, senderIsNodes: false } }).verdict, 'dropped')
  const outer = { source: ip('192.0.2.2'), destination: ip('192.0.2.1'), vni: 112, port: 4789 }
  assert.deepEqual(told(from({ outer })), ['delivered', 'fast', 'vxlan'])
  const stranger = from({ outer: { ...outer, source: ip('192.0.2.9') } })
  assert.deepEqual(told(stranger), ['delivered', 'plain', 'vxlan'])
  assert.match(walkOf({ ...stranger, tunnelDevice: undefined }).why, /no peer behind a tunnel/)
})

test('a pod may speak to the VXLAN port of a pod, and not to that of a node', () => {
  const udp = { ...packet, protocol: 'udp', port: 4789 } as const
  const f = facts({ packet: udp, target: { ip: udp.destination, port: 4789 } })
  assert.deepEqual(told(f), ['sent', 'plain', 'direct'])
  const walk = walkOf({ ...f, filter: { ...f.filter, targetIsNode: true } })
  assert.deepEqual([walk.verdict, /counter pod_vxlan/.test(walk.why)], ['dropped', true])
  const local = walkOf({ ...f, route: route({ type: 'local' }) })
  assert.match(local.why, /to_node: drops; counter pod_vxlan/)
})

test('a pod may not speak to the port of the nodes’ probes, near or by a tunnel; a tunnel’s end may', () => {
  const udp = { ...packet, protocol: 'udp', port: 9475 } as const
  const near = {
    lane: undefined,
    packet: udp,
    target: { ip: udp.destination, port: 9475 },
    route: route({ type: 'local' }),
  }
  assert.match(walkOf(facts(near)).why, /probe_to_node: drops; counter pod_probe/)
  assert.equal(walkOf(facts({ ...near, probePort: undefined })).verdict, 'delivered')
  const outer = { source: ip('192.0.2.2'), destination: ip('192.0.2.1'), vni: 112, port: 4789 }
  const far = arriving({
    ...near,
    entry: { kind: 'wire', wire: wire({ packet: udp, outer }) },
    receiver: undefined,
  })
  assert.match(walkOf(far).why, /counter pod_probe/)
  const end = { ...far, filter: { ...far.filter, sourceIsTunnelEnd: true } }
  assert.equal(walkOf(end).verdict, 'delivered')
})

test('rules of others are named where they are met, and a tracked flow shows what they translate', () => {
  const others = [
    { table: 'ip kube-proxy', hook: 'prerouting', translates: true },
    { table: 'inet mine', hook: 'forward', translates: false },
  ] as const
  const f = facts({ others, lane: undefined })
  assert.equal(kinds(walkOf(f)), 'pod program guard conntrack translation route guard neighbour uplink node')
  const known = walkOf({ ...f, tracked: tracked({}) })
  assert.equal(kinds(known), 'pod program guard conntrack route guard neighbour uplink node')
  assert.deepEqual(known.hops.find((h) => h.object === 'rules of inet mine')?.verdict, 'assumed')
})

test('a flow that somebody masquerades leaves as its entry says, and its answers as whom was asked', () => {
  const reply = { ...tracked({}).reply, destination: ip('192.0.2.1') }
  const there = facts({ lane: undefined, tracked: { ...tracked({ translatesSource: true }), reply } })
  assert.equal(walkOf(there).wire?.packet.source, '192.0.2.1')
  const original = {
    source: packet.destination,
    destination: ip('10.96.0.10'),
    protocol: 6,
    sourcePort: 1,
    port: 80,
  }
  const back = facts({ lane: undefined, tracked: { ...tracked({ translatesDestination: true }), original } })
  assert.equal(walkOf(back).wire?.packet.source, '10.96.0.10')
})

test('a limited pod gets its packets through its queue', () => {
  const slow = pod(2, { link: link(12, 'podl2', { queue: 'tbf' }) })
  const f = arriving({
    receiver: slow,
    route: route({ device: slow.link }),
    lane: lane({ destination: { index: 12, mac: slow.mac, limited: true } }),
  })
  assert.equal(kinds(walkOf(f)), 'uplink program guard conntrack route neighbour program queue pod')
})

test('of any facts: a walk ends where it is stopped, its lane is fast only past the stack, and it is a valid answer', () => {
  fc.assert(
    fc.property(anyFacts, (f) => {
      const walk = walkOf(f)
      const stops = walk.hops.findIndex((h) => h.verdict === 'stops')
      const isThrough = walk.verdict === 'delivered' || walk.verdict === 'sent'
      assert.equal(stops, isThrough ? -1 : walk.hops.length - 1, JSON.stringify(walk))
      assert.equal(walk.wire !== undefined, walk.verdict === 'sent')
      if (!isThrough) assert.notEqual(walk.why, '')
      if (walk.lane === 'fast') {
        assert.ok(
          !walk.hops.some((h) => ['guard', 'conntrack', 'route', 'queue'].includes(h.kind)),
          kinds(walk),
        )
        assert.notEqual(f.entry.kind, 'node')
      } else assert.notEqual(walk.laneWhy, '')
      const answer = { node: 'n1', from: 'a', to: 'b', tookMs: 1, ...judge(f, { lane: 'plain' }, []) }
      const read = parseWalkAnswer(JSON.parse(JSON.stringify(answer)), 'test')
      assert.ok(read.ok, read.ok ? '' : read.error.found)
    }),
    { numRuns: 500 },
  )
})

test('a packet that passes passes with fewer bytes too', () => {
  fc.assert(
    fc.property(anyFacts, fc.integer({ min: 20, max: 9000 }), (f, bytes) => {
      const ends = (w: Walk): boolean => w.verdict === 'delivered' || w.verdict === 'sent'
      if (bytes > f.packet.bytes || f.entry.kind === 'wire') return
      const smaller = walkOf({ ...f, packet: { ...f.packet, bytes } })
      // In the fast lane a program may take what the stack would not: only one lane is compared with itself.
      const larger = walkOf(f)
      if (ends(larger) && larger.lane === smaller.lane)
        assert.ok(ends(smaller), JSON.stringify([larger, smaller]))
    }),
    { numRuns: 500 },
  )
})

test('costs are the programs’ own and the stage profile’s of this path and lane, each once', () => {
  const f = facts({ entry: { kind: 'pod', pod: pod(2, { onSent: [{ name: 'pod_egress', runNs: 181 }] }) } })
  assert.equal(walkOf(f).costNs, 181)
  const stages = [
    { stage: 'transmit', nsPerPacket: 300 },
    { stage: 'veth', nsPerPacket: 200 },
  ]
  const costs = [{ path: 'direct', lane: 'fast', nsPerPacket: 900, stages }] as const
  const { now, notes } = judge(f, undefined, costs)
  assert.deepEqual(
    now.hops.map((h) => h.costNs),
    [200, 181, undefined, 300, undefined],
  )
  assert.deepEqual([now.costNs, notes], [900, []])
  assert.match(judge(facts(), undefined, []).notes.join(), /no costs/)
})

test('a packet that leaves the cluster costs what the profile’s row of others says, one that is dropped is given none', () => {
  const costs = [{ path: 'other', lane: 'plain', nsPerPacket: 1200, stages: [] }] as const
  const away = { ...walkOf(facts()), path: 'none', lane: 'plain' } as const
  assert.equal(withCosts({ ...away, verdict: 'sent' }, costs).costNs, 1200)
  const { costNs, ...dropped } = { ...away, verdict: 'dropped' } as const
  assert.equal(withCosts(dropped, costs).costNs, undefined)
})
