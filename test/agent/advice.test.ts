import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { must } from '../../src/base/result.ts'
import { askSocket } from '../../src/lab/socket_client.ts'
import { type Advice, parseAdvice } from '../../src/schema/advice.ts'
import { twoNodes } from './fixtures.ts'
import type { NodeBench } from './node_bench.ts'
import { serveFile, start } from './programs.ts'
import { until } from './until.ts'

const entry = join(import.meta.dirname, '../../src/cli/main.ts')
const PORT = 8080

/** Two nodes, and a pod that fetches a small file from one of the other node again and again. */
async function busyNode(t: TestContext): Promise<NodeBench> {
  const { a, b } = await twoNodes(t)
  const [one, far] = [await a.pod('one'), await b.pod('far')]
  // Until a new pod has its programs nothing of it is counted.
  await Promise.all([a.settled(), b.settled()])
  await serveFile(t, far.ns, PORT, 100)
  await until('the lane to b is fast', async () => (await a.status()).peers[0]?.lane?.lane === 'fast')
  // Without its own end a connect to a pod that is gone would hold the test for two minutes.
  const fetching = `while :; do timeout 1 busybox wget -qO- http://${far.ips[0]}:${PORT}/data >/dev/null; done`
  start(t, one.ns, 'sh', '-c', fetching)
  return a
}

const ask = async (node: NodeBench, query: string): Promise<Advice> =>
  must(parseAdvice(must(await askSocket(node.socket, 'GET', `/advice${query}`)), 'agent'))

test('advice of a node under load has its cores, its pods’ packets by path and lane, their connections and every option', async (t) => {
  const a = await busyNode(t)
  const { facts, options, verdict, limit, limitWhy } = await ask(a, '?seconds=2')
  assert.ok(facts.seconds >= 2 && facts.seconds < 4, `${facts.seconds} s`)
  const sent = facts.traffic.find((f) => f.path === 'vxlan' && f.lane === 'fast' && f.direction === 'sent')
  assert.ok((sent?.packets ?? 0) > 1 && (sent?.bytes ?? 0) > 60, JSON.stringify(facts.traffic))
  assert.ok((facts.connections ?? 0) > 0.5, `${facts.connections} connections a second`)
  assert.ok(facts.flows && facts.conntrack && facts.profile, facts.missing.join('\n'))
  assert.equal(facts.points.length, 4)
  assert.equal(options.length, 12)
  assert.ok(verdict.words.endsWith('.') && limitWhy !== '')
  assert.ok(
    !limit || (limit.perSecond.low <= limit.perSecond.value && limit.perSecond.value <= limit.perSecond.high),
  )
  assert.equal(facts.uplink?.name, 'eth0')
})

test('an interval of nothing is refused, and podlane advise says the verdict first', async (t) => {
  const a = await busyNode(t)
  const refused = await askSocket(a.socket, 'GET', '/advice?seconds=0')
  assert.ok(!refused.ok && refused.error.found.includes('seconds: a number'))
  const child = spawn(process.execPath, [entry, 'advise', '--for', '2s', '--socket', a.socket])
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  assert.match(stdout, /^[A-Z][^\n]*\.( \(weak evidence\))?\nlimit {3}/, stderr)
  assert.match(stdout, /\nseen {4}/)
  assert.match(stdout, /\nWAY OUT +ANSWER +FACTOR +WHY\nscale up: twice the cores +/)
})
