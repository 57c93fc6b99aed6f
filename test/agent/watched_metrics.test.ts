import assert from 'node:assert/strict'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { watchedMetrics } from '../deploy_files.ts'
import { nodeA, nodeB } from './fixtures.ts'
import { join2, NodeBench } from './node_bench.ts'
import { until } from './until.ts'

const ask = (socketPath: string): Promise<string> =>
  new Promise((resolve, reject) => {
    request({ socketPath, path: '/metrics' }, (response) => resolve(text(response)))
      .on('error', reject)
      .end()
  })

/** Of parts that are still being built; each leaves this list with its part. */
const AWAITED: readonly string[] = [
  'podlane_probe_broken_checksum_paths',
  'podlane_probe_broken_large_paths',
  'podlane_probe_loss_max_ratio',
  'podlane_probe_lossy_paths',
  'podlane_probe_mtu_mismatches',
  'podlane_probe_paths',
  'podlane_probe_rtt_seconds',
  'podlane_probe_unreachable_paths',
  'podlane_profile_own_seconds_total',
  'podlane_stage_seconds_total',
]

test('what the dashboard and the alerts ask for, an agent exposes; nothing that is awaited is there already', async (t) => {
  const nodes = [nodeA, nodeB]
  const a = new NodeBench(t, { name: 'a', nodes })
  const b = new NodeBench(t, { name: 'b', nodes })
  join2(a.ns, b.ns, { a: ['192.0.2.1/24'], b: ['192.0.2.2/24'] })
  await Promise.all([a.start(), b.start()])
  await a.pod('one')
  await until('the lane to b is fast', async () => (await a.status()).peers[0]?.lane?.lane === 'fast')
  const exposed = new Set([...(await ask(a.socket)).matchAll(/^# TYPE (\S+) /gm)].map((m) => m[1] ?? ''))
  assert.deepEqual([...watchedMetrics()].filter((name) => !exposed.has(name)).toSorted(), AWAITED)
  assert.deepEqual(
    AWAITED.filter((name) => exposed.has(name)),
    [],
  )
})
