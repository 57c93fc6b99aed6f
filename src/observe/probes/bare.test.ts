import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BareProbes } from './bare.ts'

const tunnel = (peer: string) => ({ kind: 'vxlan', peer }) as const

test('the tunnel of a peer that is well is asked as ever, however many others are helped', () => {
  const bare = new BareProbes()
  bare.concern(['b'])
  assert.deepEqual(bare.turn('summed', tunnel('c'), 0), { ask: 'summed', isBare: false })
  assert.deepEqual(bare.turn('train', tunnel('c'), 0), { ask: 'train', isBare: false })
  assert.deepEqual(bare.turn('summed', { kind: 'direct', peer: 'b' }, 0), { ask: 'summed', isBare: false })
})

/** Who asks bare, and what, with turns twice a second. */
function askedBare(bare: BareProbes, peers: readonly string[], forMs: number): string[] {
  const asked: string[] = []
  for (let nowMs = 0; nowMs < forMs; nowMs += 500)
    for (const peer of peers) {
      const { ask, isBare } = bare.turn('summed', tunnel(peer), nowMs)
      if (isBare) asked.push(`${nowMs / 1000} ${peer} ${ask}`)
      else assert.equal(ask, 'unsummed')
    }
  return asked
}

test('a device that spoils is looked at twice a minute: every spoilt tunnel in turn, each summed and as a train', () => {
  const bare = new BareProbes()
  bare.concern(['b', 'c'])
  assert.deepEqual(askedBare(bare, ['b', 'c'], 120_000), [
    '0 b summed',
    '30 c summed',
    '60 b train',
    '90 c train',
  ])
})

test('once a bare probe comes back it is asked again soon, until one is lost', () => {
  const bare = new BareProbes()
  bare.concern(['b'])
  assert.equal(askedBare(bare, ['b'], 10_000).length, 1)
  bare.came(true)
  assert.deepEqual(bare.turn('summed', tunnel('b'), 10_000), { ask: 'train', isBare: true })
  bare.came(false)
  assert.equal(bare.turn('summed', tunnel('b'), 30_000).isBare, false)
})

test('a peer that is gone is waited for by nobody', () => {
  const bare = new BareProbes()
  bare.concern(['b', 'c'])
  assert.ok(bare.turn('summed', tunnel('b'), 0).isBare)
  bare.concern(['b'])
  assert.ok(bare.turn('summed', tunnel('b'), 30_000).isBare)
})
