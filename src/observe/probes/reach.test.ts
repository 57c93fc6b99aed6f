import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ReachFacts, reachOf } from './reach.ts'

const silent: ReachFacts = {
  unanswered: 6,
  answered: true,
  heardAgeMs: 60_000,
  arrivedAgeMs: 60_000,
  peerAgeMs: 60_000,
  hasLeft: false,
  patienceMs: 3_000,
}
const of = (facts: Partial<ReachFacts>): string => reachOf({ ...silent, ...facts })

const cases: readonly (readonly [string, Partial<ReachFacts>, string])[] = [
  ['an answer of late', { unanswered: 0 }, 'both'],
  ['a few lost ones since', { unanswered: 5 }, 'both'],
  ['nothing any more of what once answered', {}, 'none'],
  ['the peer’s questions without answers to ours', { heardAgeMs: 100 }, 'in-only'],
  ['the peer’s word by another path that ours arrive', { arrivedAgeMs: 200, peerAgeMs: 100 }, 'out-only'],
  ['questions both ways though answers are lost', { heardAgeMs: 100, arrivedAgeMs: 100 }, 'both'],
  [
    'a peer that was never heard',
    { answered: false, heardAgeMs: undefined, peerAgeMs: undefined },
    'unknown',
  ],
  [
    'one never heard here, but by another path',
    { answered: false, heardAgeMs: undefined, peerAgeMs: 100 },
    'none',
  ],
  ['too few questions yet', { answered: false, unanswered: 3, heardAgeMs: 100 }, 'unknown'],
  ['a peer that has said farewell', { hasLeft: true, unanswered: 0 }, 'unknown'],
  [
    'a peer that is heard every twenty seconds of a large cluster',
    { heardAgeMs: 20_000, patienceMs: 80_000 },
    'in-only',
  ],
]

for (const [what, facts, reach] of cases)
  test(`${what}: ${reach}`, () => {
    // What the peer says is as old as the peer’s last packet.
    const arrivedAgeMs = 'arrivedAgeMs' in facts ? facts.arrivedAgeMs : 100_000
    assert.equal(of({ ...facts, arrivedAgeMs }), reach)
  })
