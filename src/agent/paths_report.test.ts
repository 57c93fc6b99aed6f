import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PathLane } from '../apply/fast_lane_contract.ts'
import { parseCidr } from '../base/cidr.ts'
import type { IfIndex } from '../base/ifindex.ts'
import { type Ip, parseIp } from '../base/ip.ts'
import { must } from '../base/result.ts'
import { pathsText } from '../cli/paths_text.ts'
import type { PathMeasures } from '../observe/probes/prober.ts'
import { Samples } from '../observe/probes/samples.ts'
import { type Peer, planPeer } from '../plan/peers.ts'
import { parsePathsReport } from '../schema/paths_report.ts'
import { rateKey } from './path_rates.ts'
import { type PathsInput, pathsReport } from './paths_report.ts'

const ip = (text: string): Ip => must(parseIp(text))
const uplink = {
  ...{ index: 2 as IfIndex, name: 'eth0', mtuBytes: 1500, mac: undefined },
  addresses: [{ index: 2 as IfIndex, ip: ip('10.0.0.1'), prefixLength: 9, flags: 0, scope: 0 }],
}

function peer(name: string, address: string, range: string): Peer {
  const ranges = new Map([[name, [must(parseCidr(range))]]])
  const node = { name, addresses: [ip(address)], podCidrs: [], complaints: [] }
  const planned = planPeer(node, { config: { pathMode: 'auto' }, uplink, underlay: ip('10.0.0.1'), ranges })
  return planned.peer ?? assert.fail()
}

const lane = (p: Peer): PathLane => ({
  ...{ peer: p.name, ranges: p.ranges.map((r) => r.cidr), lane: 'fast', why: '' },
})
const well = (p: Peer, kind: 'direct' | 'vxlan', over: Partial<PathMeasures> = {}): PathMeasures => ({
  ...{ peer: p.name, kind, reach: 'both', checksum: 'ok', large: 'ok', mtuBytes: 1500, trueMtuBytes: 1500 },
  ...{ probes: 100, loss: 0, rttUs: { p50: 80, p99: 120 } },
  ...over,
})
const report = (peers: readonly Peer[], measures: readonly PathMeasures[], over: Partial<PathsInput> = {}) =>
  pathsReport({
    ...{ pathMode: 'auto', peers, measures, uplinkMtuBytes: 1500, lanes: peers.map(lane), costs: [] },
    rates: new Map(peers.map((p) => [rateKey(lane(p)), 12.34])),
    ...over,
  })

const near = peer('near', '10.0.0.2', '10.244.2.0/24')
const far = peer('far', '192.0.2.3', '10.244.3.0/24')

test('each path in use is told with lane, reason, measures, rate and what would be better', () => {
  const { peers } = report([near, far], [well(near, 'direct')])
  assert.deepEqual(peers[0]?.paths, [
    {
      ...{ kind: 'direct', inUse: true, lane: 'fast', why: '10.0.0.2 is on the segment of eth0' },
      ...{ mtuBytes: 1500, reach: 'both', trueMtuBytes: 1500, rttUs: { p50: 80, p99: 120 }, loss: 0 },
      ...{ checksum: 'ok', large: 'ok', packetsPerSecond: 12.3 },
      better: 'jumbo frames: MTU 9000 on both uplinks and all that lies between, now 1500',
    },
  ])
  const [tunnel] = peers[1]?.paths ?? []
  assert.deepEqual([tunnel?.kind, tunnel?.mtuBytes, tunnel?.reach], ['vxlan', 1450, 'unknown'])
  assert.equal(tunnel?.better, 'the direct path: both nodes on one segment')
})

test('a path that is only measured is told too, unless nobody has ever answered by it', () => {
  const kinds = (reach: PathMeasures['reach']) =>
    report([near], [well(near, 'direct'), well(near, 'vxlan', { reach })]).peers[0]?.paths.map((p) => [
      p.kind,
      p.inUse,
    ])
  assert.deepEqual(kinds('both'), [
    ['direct', true],
    ['vxlan', false],
  ])
  assert.deepEqual(kinds('unknown'), [['direct', true]])
})

test('a packet’s cost is that of the path’s kind and lane', () => {
  const costs = (['fast', 'plain'] as const).map((lane, i) => ({
    ...{ path: 'direct' as const, lane, nsPerPacket: 700 + i },
  }))
  const { peers } = report([near, far], [], { costs })
  assert.deepEqual(
    peers.map((p) => p.paths[0]?.nsPerPacket),
    [700, undefined],
  )
})

test('the answer is what its schema takes, and text shows fault, cure and need', () => {
  const { peers } = must(
    parsePathsReport(
      JSON.parse(JSON.stringify(report([near], [well(near, 'direct', { trueMtuBytes: 1400 })]))),
      'agent',
    ),
  )
  const [first] = peers
  const text = pathsText({ peers: first ? [{ ...first, workaround: 'a smaller MTU' }] : [] })
  assert.match(text, /near +direct +fast +1400 of 1500 +80\.0 µs +120 µs +0 % +both ways +12\.3 /)
  assert.match(text, /! near: direct: packets of more than 1400 bytes vanish, 1500 are planned/)
  assert.match(text, /worked around: a smaller MTU/)
  assert.match(text, /direct to near: the full size/)
})

test('with a thousand peers the report is made of all of them', (t) => {
  const many = Array.from({ length: 1000 }, (_, i) =>
    peer(`n${i}`, `10.0.${1 + (i >> 8)}.${i & 255}`, `10.${64 + (i >> 8)}.${i & 255}.0/24`),
  )
  const samples = new Samples()
  for (let i = 0; i < 100; i++) samples.add(1e5 + i)
  const startedAt = performance.now()
  const measures = many.flatMap((p) =>
    (['direct', 'vxlan'] as const).map((kind) => {
      const { rttUs, loss } = samples
      return well(p, kind, { rttUs, loss })
    }),
  )
  const { peers } = report(many, measures)
  const text = JSON.stringify({ peers })
  t.diagnostic(`made in ${Math.round(performance.now() - startedAt)} ms, ${text.length} bytes`)
  assert.equal(peers.length, 1000)
  assert.equal(peers.flatMap((p) => p.paths).length, 2000)
})
