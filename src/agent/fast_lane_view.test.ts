import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type FastLaneStatus, type PeerLane, plainOnly } from '../apply/fast_lane_contract.ts'
import { type Cidr, parseCidr } from '../base/cidr.ts'
import { must } from '../base/result.ts'
import { fastLaneView, peerLanes, pressureFaults } from './fast_lane_view.ts'

const range = (text: string): Cidr => must(parseCidr(text))
const both = (fast: number, plain: number) => ({
  fast: { packets: fast, bytes: fast * 100 },
  plain: { packets: plain, bytes: plain * 100 },
})
const path = (peer: string, cidr: string, lane: 'fast' | 'plain', why = ''): PeerLane => ({
  ...{ peer, lane, why, ranges: [range(cidr)] },
  counts: { sent: both(3, 2), received: both(1, 0) },
})
const on = (more: Partial<FastLaneStatus>): FastLaneStatus => ({
  ...plainOnly.status(),
  ...{ lane: 'fast', why: '', attached: 'tcx' },
  ...more,
})

test('a peer with two paths has the sum of what both carried, and is mixed if their lanes differ', () => {
  const peers = [
    path('b', '10.244.2.0/24', 'fast'),
    path('b', 'fd00:2::/64', 'plain', 'the MAC of 2001:db8::2 is not known yet'),
    path('c', '10.244.3.0/24', 'plain', 'asked for'),
    path('c', 'fd00:3::/64', 'plain', 'asked for'),
  ]
  const lanes = peerLanes(on({ peers }))
  assert.deepEqual(lanes.get('b'), {
    lane: 'mixed',
    why: 'fd00:2::/64 plain: the MAC of 2001:db8::2 is not known yet',
    ...{ sent: both(6, 4), received: both(2, 0) },
  })
  assert.deepEqual([lanes.get('c')?.lane, lanes.get('c')?.why], ['plain', 'asked for'])
})

test('a flow table that is more than 80 % full is complained of, with the key to raise', () => {
  const flows = (entries: number) => ({ ...{ entries, most: 1000, waiting: 0, mostWaiting: 100 } })
  assert.deepEqual(pressureFaults(on({ flows: flows(800) })), [])
  assert.deepEqual(pressureFaults(on({})), [])
  const [found] = pressureFaults(on({ flows: flows(811) }))
  assert.equal(found?.found, '811 flows (81 %)')
  assert.match(found?.next ?? '', /^raise fastLane\.flows/)
  assert.equal(fastLaneView(on({ flows: flows(811) }), []).flows?.pressurePercent, 81)
})

test('a fast lane that could not be loaded is off, with its fault', () => {
  const fault = { kind: 'bpf', object: 'program x', wanted: 'a load', found: 'EPERM', next: 'run as root' }
  const view = fastLaneView({ ...plainOnly.status(), fault }, [])
  assert.deepEqual([view.state, view.lane, view.fault?.next], ['off', 'plain', 'run as root'])
  assert.equal(view.here, undefined)
})

test('the host’s rules are named only where packets pass them by', () => {
  const rules = [{ where: 'chain forward of table inet mine', rules: 2 }]
  assert.deepEqual(fastLaneView(on({}), rules).hostRules, rules)
  const plain = on({ lane: 'plain', why: 'asked for', peers: [path('b', '10.244.2.0/24', 'plain')] })
  assert.deepEqual(fastLaneView(plain, rules).hostRules, [])
  const some = { ...plain, peers: [path('b', '10.244.2.0/24', 'fast')] }
  assert.deepEqual(fastLaneView(some, rules).hostRules, rules)
})
