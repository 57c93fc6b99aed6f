import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { nodeA, twoNodes } from './fixtures.ts'
import type { NodeBench } from './node_bench.ts'
import { start } from './programs.ts'
import { until } from './until.ts'

/** Of the agent, over its socket. */
const metrics = (node: NodeBench): Promise<string> =>
  new Promise((resolve, reject) => {
    request({ socketPath: node.socket, path: '/metrics' }, (response) => {
      assert.equal(response.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
      resolve(text(response))
    })
      .on('error', reject)
      .end()
  })

/** The sample's line without its name and labels. */
const sample = (exposed: string, name: string): number => {
  const line = exposed.split('\n').find((l) => l.startsWith(`${name} `)) ?? assert.fail(`no ${name}`)
  return Number(line.slice(name.length + 1))
}

test('GET /metrics says what promtool takes, counts pods’ packets by path and lane, and keeps counting as peers go', async (t) => {
  const { a, b } = await twoNodes(t)
  const [one, far] = [await a.pod('one'), await b.pod('far')]
  await until('the lane to b is fast', async () => (await a.status()).peers[0]?.lane?.lane === 'fast')
  const sent = 'podlane_path_packets_total{path="vxlan",lane="fast",direction="sent"}'
  const ping = start(t, one.ns, 'ping', '-q', '-i', '0.01', '-c', '100', far.ips[0] ?? '')
  await ping.ended
  const first = await metrics(a)
  const checked = spawnSync('promtool', ['check', 'metrics'], { input: first, encoding: 'utf8' })
  assert.deepEqual([checked.status, checked.stdout + checked.stderr], [0, ''])
  assert.ok(sample(first, sent) >= 90, first)
  assert.equal(sample(first, 'podlane_pods'), 1)
  assert.equal(sample(first, 'podlane_ready'), 1)
  assert.equal(sample(first, 'podlane_peers{path="vxlan",lane="fast"}'), 1)
  assert.equal(sample(first, 'podlane_flows_limit{table="working"}'), 131_072)
  assert.ok(sample(first, 'podlane_pod_addresses{range="10.244.1.0/24",state="used"}') >= 1)
  a.declare([nodeA])
  await until('b is gone', async () => (await a.status()).peers.length === 0)
  assert.ok(sample(await metrics(a), sent) >= sample(first, sent))
})
