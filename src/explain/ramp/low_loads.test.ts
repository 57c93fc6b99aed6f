import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RampStep } from '../../schema/ramp.ts'
import { lowLoads, medianStep } from './low_loads.ts'

const look = (busy: number, generatorIsLimit = false): RampStep => ({
  ...{ offered: 100, served: 100, p50Us: 40, p99Us: 90, generatorIsLimit },
  cores: [{ cpu: 0, busy, softirq: busy / 2 }],
})

test('low loads lie below three quarters of the limit, from nearly none on', () => {
  const loads = lowLoads(50_000)
  assert.equal(loads.length, 10)
  assert.deepEqual(
    loads,
    [...loads].sort((a, b) => a - b),
  )
  assert.ok((loads[0] ?? 0) <= 250 && (loads.at(-1) ?? 0) < 37_500)
})

test('looks that others made dearer do not move the median', () => {
  const step = medianStep([look(0.2), look(0.9), look(0.21), look(0.8, true), look(0.2)])
  assert.deepEqual(step?.cores, [{ cpu: 0, busy: 0.21, softirq: 0.105 }])
  assert.equal(step.generatorIsLimit, false)
  assert.equal(medianStep([]), undefined)
})
