import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { must } from '../../base/result.ts'
import { type Advice, type AdviceOption, parseAdvice } from '../../schema/advice.ts'
import type { LoadFacts } from '../../schema/load_facts.ts'
import { adviceOf } from './advice.ts'
import { core, FULL_CORES, facts, loop, ONE_FULL_CORE, pathCost, profile, traffic } from './testing/facts.ts'

const flows = { entries: 131_000, most: 131_072, waiting: 10, mostWaiting: 32_768 }

const option = (advice: Advice, start: string): AdviceOption =>
  advice.options.find((o) => o.name.startsWith(start)) ?? assert.fail(`no ${start}`)
const answers = (more: Partial<LoadFacts>, ...names: readonly string[]): readonly string[] => {
  const advice = adviceOf(facts(more))
  return names.map((name) => option(advice, name).answer)
}

test('one core full of softirqs: neither a bigger machine nor more of them, but steering', () => {
  const advice = adviceOf(facts({ cores: ONE_FULL_CORE }))
  assert.equal(option(advice, 'scale up').answer, 'does not help')
  assert.equal(option(advice, 'scale out').answer, 'does not help')
  const steering = option(advice, 'receive steering')
  assert.ok((steering.factor?.high ?? 0) > 2 && (steering.factor?.high ?? 0) <= 4)
  assert.match(steering.why, /one flow stays on one core; 4 queues, RPS off/)
  const known = adviceOf(
    facts({ cores: ONE_FULL_CORE, profile: profile({ paths: [pathCost('vxlan', 'plain', 2_000)] }) }),
  )
  assert.match(
    option(known, 'receive steering').why,
    /one flow stays on one core, which is some 500,000 packets a second \(vxlan, plain\); 4 queues/,
  )
})

test('all cores busy: the verdict says what a faster path is worth at most, by the share that packets take', () => {
  const { words } = adviceOf(facts({ cores: FULL_CORES, profile: profile() })).verdict
  assert.equal(
    words,
    'All cores are busy; packets take 50 % of their time, so that a faster path is worth 2.22 times at most.',
  )
})

test('all cores busy: another lane is worth what both lanes’ costs say, with bounds', () => {
  const paths = [pathCost('vxlan', 'plain', 10_000), pathCost('vxlan', 'fast', 4_000, 10)]
  const { factor, answer } = option(
    adviceOf(facts({ cores: FULL_CORES, profile: profile({ paths }) })),
    'fast lane',
  )
  // 10⁶ packets × 6 µs of 40 s saved.
  assert.equal(factor?.value, 1 / (1 - 6 / 40))
  assert.ok((factor?.low ?? 2) < 1.18 && (factor?.high ?? 0) > 1.17)
  assert.equal(answer, 'helps')
})

test('where only one lane has been seen, the stages that the other leaves out are a bound and no promise', () => {
  const advice = adviceOf(facts({ cores: FULL_CORES, profile: profile() }))
  const fast = option(advice, 'fast lane')
  assert.equal(fast.answer, 'not known')
  assert.match(fast.why, /^at most: stages that it leaves out take 30 % of the busy time/)
  const direct = option(advice, 'direct path')
  assert.match(direct.why, /at most: encapsulation and decapsulation take 13 %/)
  assert.equal(direct.factor?.low, 1)
})

test('without a profile no factor is named for what packets cost', () => {
  const advice = adviceOf(facts({ cores: FULL_CORES }))
  for (const name of ['fast lane', 'direct path', 'AF_XDP', 'DPDK']) {
    assert.equal(option(advice, name).answer, 'not known', name)
    assert.equal(option(advice, name).factor, undefined, name)
  }
})

test('what is there already, or cannot be had here, is said so', () => {
  const fast = { traffic: traffic(9_000, { path: 'direct', lane: 'fast' }), cores: FULL_CORES }
  assert.deepEqual(answers(fast, 'fast lane', 'direct path'), ['does not help', 'does not help'])
  const { uplink } = facts()
  assert.ok(uplink)
  const software = { cores: FULL_CORES, uplink: { ...uplink, driver: 'veth' } }
  assert.deepEqual(answers(software, 'AF_XDP', 'DPDK', 'RDMA'), Array(3).fill('not possible'))
  const rdma = { cores: FULL_CORES, profile: profile(), bypass: { rdmaDevices: ['mlx5_0'], hugePages: 0 } }
  assert.deepEqual(answers(rdma, 'RDMA', 'AF_XDP'), ['not known', 'not known'])
  const hidden = {
    cores: FULL_CORES,
    uplink: { name: 'eth0', mtuBytes: 9000, droppedReceiving: 0, droppedSending: 0 },
  }
  assert.deepEqual(answers(hidden, 'AF_XDP', 'DPDK', 'jumbo'), ['not known', 'not known', 'does not help'])
})

test('jumbo frames are nothing for messages, and something for streams', () => {
  const some = { cores: FULL_CORES, profile: profile() }
  assert.match(option(adviceOf(facts(some)), 'jumbo').why, /120 bytes on average: messages/)
  const stream = option(adviceOf(facts({ ...some, traffic: traffic(50_000, {}, 1400) })), 'jumbo')
  assert.ok((stream.factor?.high ?? 0) > 1.5)
})

test('where latency, a table or an application’s thread binds, cheaper packets carry no more', () => {
  const cheaper = ['fast lane', 'direct path', 'jumbo', 'receive steering', 'scale up']
  for (const more of [
    { flows },
    { loop: loop(39_000) },
    { cores: [core(0, 0, 0.98), core(1, 0), core(2, 0)] },
  ])
    assert.deepEqual(answers({ ...more, profile: profile() }, ...cheaper), Array(5).fill('does not help'))
  assert.equal(answers({ flows }, 'larger tables')[0], 'not known')
})

/** A load that has varied from a tenth to seven tenths of what four cores carry. */
const points = Array.from({ length: 12 }, (_, i) => {
  const rps = 30_000 + i * 16_000
  return { rps, busyNsPerSecond: 5e7 + rps * 12_000, coreShares: [rps * 1.5e-6, 0, 0, 0] }
})

test('a load that varied predicts the limit and what it will be, though nothing binds now', () => {
  const advice = adviceOf(facts({ points }))
  assert.equal(advice.limit?.unit, 'packets')
  assert.ok(Math.abs((advice.limit?.perSecond.value ?? 0) / (3.75e9 / 12_000) - 1) < 0.05)
  assert.match(advice.verdict.words, /^Nothing of this node binds now; next will be: all cores are busy/)
  assert.equal(option(advice, 'scale up').factor?.high, 2)
  const steep = points.map((p) => ({ ...p, coreShares: [p.rps * 4e-6, 0, 0, 0] }))
  const other = adviceOf(facts({ points: steep }))
  assert.match(other.verdict.words, /next will be: one core is full of packet handling/)
  assert.ok(Math.abs((other.limit?.perSecond.value ?? 0) / 237_500 - 1) < 0.05)
})

test('a load that did not vary predicts nothing, and the reason is said; a full node’s limit is what it carries', () => {
  const steady = points.map((p) => ({ ...p, rps: 100_000 }))
  const advice = adviceOf(facts({ points: steady }))
  assert.equal(advice.limit, undefined)
  assert.match(advice.limitWhy, /^not known: 100000 to 100000 requests\/s, and it would take a range of load/)
  const full = adviceOf(facts({ cores: FULL_CORES }))
  assert.equal(full.limit?.perSecond.value, 100_000)
  assert.match(full.limitWhy, /it is full now/)
})

test('whatever the facts, advice has every option once, ordered bounds, and passes its own schema', () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true })
  const any = fc.record({
    cores: fc.array(
      share.chain((s) => share.map((u) => core(0, s, (1 - s) * u))),
      { maxLength: 6 },
    ),
    connections: fc.nat(100_000),
    traffic: fc.nat(5_000_000).map((n) => traffic(n)),
    loop: fc.option(
      fc.nat(100_000).map((n) => loop(n)),
      { nil: undefined },
    ),
  })
  fc.assert(
    fc.property(any, fc.boolean(), ({ loop: asked, ...more }, known) => {
      const given = facts({
        ...more,
        ...(asked ? { loop: asked } : {}),
        ...(known ? { profile: profile() } : {}),
      })
      const advice = must(parseAdvice(JSON.parse(JSON.stringify(adviceOf(given))), 'test'))
      assert.equal(new Set(advice.options.map((o) => o.name)).size, 12)
      for (const { factor } of advice.options)
        assert.ok(!factor || (1 <= factor.low && factor.low <= (factor.value ?? factor.low)))
      for (const { factor } of advice.options)
        assert.ok(!factor || (factor.value ?? factor.low) <= factor.high)
    }),
    { numRuns: 200 },
  )
})
