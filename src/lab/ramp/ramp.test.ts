import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fault, must, ok } from '../../base/result.ts'
import type { RampStep } from '../../schema/ramp.ts'
import { lookAt, ramp } from './ramp.ts'

const step = (offered: number, served: number): RampStep => ({
  ...{ offered, served, p50Us: 40, p99Us: 100, cores: [], generatorIsLimit: false },
})
const isServed = (s: RampStep): boolean => s.served === s.offered

test('a ramp rises to beyond what is served, and finds the limit to within some percent', async () => {
  const seen: number[] = []
  const befores: { rps: number; before: number }[] = []
  const steps = must(
    await ramp({
      firstRps: 2_000,
      offer: async (rps, before) => {
        if (befores.at(-1)?.rps !== rps) befores.push({ rps, before })
        return ok(step(rps, Math.min(rps, 20_000)))
      },
      isServed,
      onStep: (s) => seen.push(s.offered),
    }),
  )
  const most = Math.max(...steps.filter(isServed).map((s) => s.offered))
  assert.ok(most <= 20_000 && most > 20_000 * 0.95, `${most}`)
  assert.deepEqual(
    seen,
    steps.map((s) => s.offered),
  )
  assert.deepEqual(
    befores.slice(1).map((b) => b.before),
    seen.slice(0, -1),
  )
  assert.equal(steps.filter((s) => s.offered > 27_000).length, 1)
})

test('a step that fails by bad luck is made again, three times at most; a generator that fails ends it all', async () => {
  let calls = 0
  const options = { firstRps: 1_000, isServed, onStep: () => {} }
  const unlucky = await ramp({
    ...options,
    // Three times in a row at the third load.
    offer: async (rps) => ok(step(rps, ++calls >= 3 && calls <= 5 ? 0 : Math.min(rps, 8_000))),
  })
  assert.ok(
    Math.max(
      ...must(unlucky)
        .filter(isServed)
        .map((s) => s.offered),
    ) > 7_000,
  )
  const offered: string[] = []
  await ramp({
    ...options,
    offer: async (rps, _, seed) => {
      offered.push(`${rps} ${seed}`)
      return ok(step(rps, 0))
    },
  })
  // Two loads in a row that are not served end it, each tried four times with arrivals of their own.
  assert.equal(offered.length, 8)
  assert.equal(new Set(offered).size, 8)
  const broken = await ramp({ ...options, offer: async () => fault('bench', 'x', 'y', 'z', 'w') })
  assert.equal(broken.ok, false)
})

test('loads are looked at in turns, each look with a seed of its own, and a look that fails ends it', async () => {
  const order: string[] = []
  const looks = await lookAt({
    ...{ loads: [10, 20], rounds: 3, onRound: (round: number) => order.push(`round ${round}`) },
    look: async (load, seed) => {
      order.push(`${load}`)
      return ok(seed)
    },
  })
  const expected = ['round 1', '10', '20', 'round 2', '10', '20', 'round 3', '10', '20']
  assert.deepEqual(order, expected)
  assert.deepEqual(must(looks), [
    [1, 3, 5],
    [2, 4, 6],
  ])
  let calls = 0
  const broken = await lookAt({
    ...{ loads: [10, 20], rounds: 3, onRound: () => {} },
    look: async () => (++calls === 2 ? fault('bench', 'x', 'y', 'z', 'w') : ok(1)),
  })
  assert.deepEqual([broken.ok, calls], [false, 2])
})
