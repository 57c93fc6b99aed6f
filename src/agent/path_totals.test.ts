import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AgentStatus } from '../schema/agent_status.ts'
import { PathTotals } from './path_totals.ts'

const none = { packets: 0, bytes: 0 }
const sentFast = (packets: number) => ({
  sent: { fast: { packets, bytes: packets * 100 }, plain: none },
  received: { fast: none, plain: none },
})
const peers = (counts: Readonly<Record<string, number>>): Pick<AgentStatus, 'fastLane' | 'peers'> => ({
  peers: Object.entries(counts).map(([name, packets]) => ({
    name,
    address: '192.0.2.2',
    podCidrs: [],
    path: 'direct',
    why: '',
    mtuBytes: 1500,
    lane: { lane: 'fast', why: '', ...sentFast(packets) },
  })),
})
const direct = (totals: ReturnType<PathTotals['look']>) =>
  totals.find((t) => t.path === 'direct' && t.lane === 'fast' && t.direction === 'sent')

test('sums grow by what each peer’s count has grown by, whoever comes and goes', () => {
  const totals = new PathTotals()
  const seen = [{ b: 10, c: 5 }, { b: 12, c: 5 }, { b: 12 }, { b: 15, d: 1 }].map(
    (counts) => direct(totals.look(peers(counts)))?.packets,
  )
  assert.deepEqual(seen, [15, 17, 17, 21])
})

test('a count that has become smaller began again', () => {
  const totals = new PathTotals()
  totals.look(peers({ b: 10 }))
  assert.deepEqual(direct(totals.look(peers({ b: 3 }))), {
    path: 'direct',
    lane: 'fast',
    direction: 'sent',
    packets: 13,
    bytes: 1300,
  })
})

test('pods of this node have a path of their own, and a peer whose path changes begins anew there', () => {
  const totals = new PathTotals()
  const before = peers({ b: 4 })
  totals.look(before)
  const [b] = before.peers
  assert.ok(b?.lane)
  const after = totals.look({
    fastLane: { state: 'on', lane: 'fast', why: '', here: sentFast(7), reasons: [], hostRules: [] },
    peers: [{ ...b, path: 'vxlan', lane: { ...b.lane, ...sentFast(2) } }],
  })
  const fast = after.filter((t) => t.lane === 'fast' && t.direction === 'sent')
  assert.deepEqual(
    fast.map((t) => [t.path, t.packets]),
    [
      ['direct', 4],
      ['here', 7],
      ['vxlan', 2],
    ],
  )
})
