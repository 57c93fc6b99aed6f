import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { cpuDelta, readCpuTimes } from './cpu_times.ts'

test('ticks of /proc/stat are told in nanoseconds, waiting for disks as idle and what the hypervisor took as busy', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'podlane-stat-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'stat')
  writeFileSync(
    file,
    'cpu  100 20 30 400 5 6 7 8 0 0\ncpu0 50 10 15 200 2 3 4 4 0 0\ncpu1 50 10 15 200 3 3 3 4 0 0\nintr 1\n',
  )
  assert.deepEqual(readCpuTimes(file), {
    busyNs: 171e7,
    idleNs: 405e7,
    userNs: 120e7,
    softirqNs: 7e7,
    cpus: 2,
  })
})

test('what the processors were not idle in an interval they were busy, whatever the ticks of busy time say', () => {
  const zero = { busyNs: 0, idleNs: 0, userNs: 0, softirqNs: 0 }
  const after = { busyNs: 1, idleNs: 15e8, userNs: 2e8, softirqNs: 1e8, cpus: 2 }
  assert.deepEqual(cpuDelta(zero, after, 1e9), {
    busyNs: 5e8,
    idleNs: 15e8,
    userNs: 2e8,
    softirqNs: 1e8,
  })
})
