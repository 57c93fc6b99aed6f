import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fault, must, ok } from '../../base/result.ts'
import type { RampStep } from '../../schema/ramp.ts'
import { ramp } from './ramp.ts'

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

test('a step that fails by bad luck is made once more; a generator that fails ends it all', async () => {
  let calls = 0
  const options = { firstRps: 1_000, isServed, onStep: () => {} }
  const unlucky = await ramp({
    ...options,
    offer: async (rps) => ok(step(rps, ++calls === 3 ? 0 : Math.min(rps, 8_000))),
  })
  assert.ok(
    Math.max(
      ...must(unlucky)
        .filter(isServed)
        .map((s) => s.offered),
    ) > 7_000,
  )
  const broken = await ramp({ ...options, offer: async () => fault('bench', 'x', 'y', 'z', 'w') })
  assert.equal(broken.ok, false)
})
