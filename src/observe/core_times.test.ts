import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCoreTimes, readCoreTimes } from './core_times.ts'

test('each core has its idle and its softirq time; waiting for a disk is idle, and the sum over all is no core', () => {
  const text =
    'cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 100 20 30 9000 500 7 250 3 55 0\ncpu11 1 0 0 9 0 0 0 0 0 0\nintr 12\n'
  assert.deepEqual(parseCoreTimes(text), [
    { cpu: '0', idleSeconds: 95, softirqSeconds: 2.5 },
    { cpu: '11', idleSeconds: 0.09, softirqSeconds: 0 },
  ])
})

test('this machine’s cores are all there', () => {
  const times = readCoreTimes()
  assert.ok(times.length > 0)
  for (const { idleSeconds } of times) assert.ok(idleSeconds > 0)
})
