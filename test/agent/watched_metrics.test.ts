import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { watchedMetrics } from '../deploy_files.ts'
import { twoNodes } from './fixtures.ts'
import { until } from './until.ts'

const ask = (socketPath: string): Promise<string> =>
  new Promise((resolve, reject) => {
    request({ socketPath, path: '/metrics' }, (response) => resolve(text(response)))
      .on('error', reject)
      .end()
  })

test('what the dashboard and the alerts ask for, an agent exposes, in a text that promtool takes with all parts at work', async (t) => {
  const { a } = await twoNodes(t)
  await a.pod('one')
  const namesIn = (text: string): ReadonlySet<string> =>
    new Set([...text.matchAll(/^# TYPE (\S+) /gm)].map((m) => m[1] ?? ''))
  // Samples and probes need a moment.
  await until('probes and samples are there', async () => {
    const names = namesIn(await ask(a.socket))
    return names.has('podlane_probe_rtt_seconds') && names.has('podlane_stage_seconds_total')
  })
  const exposed = await ask(a.socket)
  const names = namesIn(exposed)
  const checked = spawnSync('promtool', ['check', 'metrics'], { input: exposed, encoding: 'utf8' })
  assert.deepEqual([checked.status, checked.stdout + checked.stderr], [0, ''])
  assert.deepEqual(
    [...watchedMetrics()].filter((name) => !names.has(name)),
    [],
  )
})
