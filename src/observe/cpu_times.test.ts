import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCpuTimes, readCpuTimes } from './cpu_times.ts'

test('a core’s time is softirq and the rest that is not idle; waiting for a disk is idle', () => {
  const text =
    'cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 100 20 30 9000 5000 7 250 3 55 0\ncpu11 1 0 0 9 0 0 0 0 0 0\nintr 12\n'
  assert.deepEqual(parseCpuTimes(text), [
    { cpu: '0', softirqSeconds: 2.5, otherSeconds: 1.6 },
    { cpu: '11', softirqSeconds: 0, otherSeconds: 0.01 },
  ])
})

test('this machine’s cores are all there and have worked', () => {
  const times = readCpuTimes()
  assert.ok(times.length > 0)
  for (const { otherSeconds } of times) assert.ok(otherSeconds > 0)
})
