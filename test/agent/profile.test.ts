import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { must } from '../../src/base/result.ts'
import { askSocket } from '../../src/lab/socket_client.ts'
import { isKnown, type ProfileReport, parseProfileReport } from '../../src/schema/profile_report.ts'
import { nodeA, nodeB } from './fixtures.ts'
import { join2, NodeBench } from './node_bench.ts'
import { start } from './programs.ts'
import { until } from './until.ts'

const SECONDS = 2

async function profileOf(node: NodeBench, query = `?seconds=${SECONDS}`): Promise<ProfileReport> {
  const asked = await askSocket(node.socket, 'GET', `/profile${query}`, undefined, 30_000)
  return must(parseProfileReport(must(asked), 'the agent'))
}

const metrics = (node: NodeBench): Promise<string> =>
  new Promise((resolve, reject) => {
    request({ socketPath: node.socket, path: '/metrics' }, (response) => resolve(text(response)))
      .on('error', reject)
      .end()
  })

/** A pod on each of two nodes, and pings by the tunnel between them until the test ends. */
async function underTraffic(t: TestContext, config: object) {
  const nodes = [nodeA, nodeB]
  const a = new NodeBench(t, { name: 'a', nodes, config })
  const b = new NodeBench(t, { name: 'b', nodes, config: { ...config, profile: 'off' } })
  join2(a.ns, b.ns, { a: ['192.0.2.1/24'], b: ['192.0.2.2/24'] })
  await Promise.all([a.start(), b.start()])
  const [one, far] = [await a.pod('one'), await b.pod('far')]
  start(t, one.ns, 'ping', '-q', '-f', '-s', '1000', far.ips[0] ?? '')
  return { a, b }
}

const stageNs = (report: ProfileReport, name: string): number =>
  report.stages.find((s) => s.stage === name)?.ns ?? assert.fail(`no stage ${name}`)

test('GET /profile splits the time of packets into stages that add up, and says what a packet costs in the plain lane', async (t) => {
  const { a } = await underTraffic(t, { lane: 'plain', pathMode: 'vxlan' })
  await until('packets are counted', async () => (await a.status()).peers[0]?.lane?.sent.plain.packets !== 0)
  const report = await profileOf(a)
  assert.equal(report.source, 'samples')
  assert.ok(report.hz > 49 && report.samples > report.cpus * SECONDS * 100, `${report.samples} samples`)
  const sum = report.stages.reduce((n, s) => n + s.ns, 0)
  assert.ok(Math.abs(sum - report.packetNs) <= 1e-6 * sum)
  for (const stage of ['encapsulation', 'decapsulation', 'routing', 'netfilter', 'veth'])
    assert.ok(stageNs(report, stage) > 0, `nothing in ${stage}`)
  for (const { ns, lowNs, highNs } of report.stages) assert.ok(lowNs <= ns && ns <= highNs)
  // Pods ask for neighbours too.
  const [path, ...others] = report.paths.filter(isKnown).filter((p) => p.path !== 'other')
  assert.deepEqual([path?.path, path?.lane, others.length], ['vxlan', 'plain', 0])
  assert.ok(path && path.packets > 0 && path.lowNs < path.nsPerPacket && path.nsPerPacket < path.highNs)
  const [pod] = report.pods
  assert.ok(pod && pod.packets > 0 && pod.bytes > 1000 * pod.packets * 0.9, JSON.stringify(report.pods))
  assert.ok(pod.ns > 0 && pod.ns <= report.packetNs * 1.001 && pod.addresses.length === 2)
  assert.ok(report.own.ns > 0)
  assert.match(report.missing.join(), /\d+ agents share this kernel/)
})

test('packets between a pod and its node are no path’s: they have a row, and the pod bears no more than there is', async (t) => {
  const { a } = await underTraffic(t, { lane: 'plain', pathMode: 'vxlan' })
  const [pod] = (await a.status()).pods
  start(t, a.ns, 'ping', '-q', '-f', pod?.addresses[0] ?? '')
  const report = await profileOf(a)
  const row = (path: string) =>
    report.paths.filter(isKnown).find((p) => p.path === path) ?? assert.fail(`no row ${path}`)
  assert.ok(row('other').packets > 0 && row('vxlan').nsPerPacket > row('other').nsPerPacket)
  const pods = report.pods.reduce((sum, p) => sum + p.ns, 0)
  assert.ok(pods <= report.packetNs * 1.001, `${pods} of ${report.packetNs}`)
})

test('in the fast lane a packet’s time is our programs’ and no tunnel device’s', async (t) => {
  const { a } = await underTraffic(t, { lane: 'fast', pathMode: 'vxlan' })
  await until('the lane is fast', async () => (await a.status()).peers[0]?.lane?.sent.fast.packets !== 0)
  const report = await profileOf(a)
  const path = report.paths.find((p) => p.lane === 'fast') ?? assert.fail('no fast path')
  assert.ok(path.stages.some((s) => s.stage === 'ebpf'))
  assert.ok(!path.stages.some((s) => s.stage === 'encapsulation' || s.stage === 'decapsulation'))
})

test('the continuous profile has samples of its low rate and is exposed as counters; off, it still measures when asked', async (t) => {
  const { a, b } = await underTraffic(t, {})
  // The first look at samples comes some seconds after the start; a question before that measures an interval.
  await until(
    'the continuous mode has met packets',
    async () => {
      const { hz, packetNs } = await profileOf(a, '')
      return hz === 49 && packetNs > 0
    },
    20_000,
  )
  const exposed = await metrics(a)
  const checked = spawnSync('promtool', ['check', 'metrics'], { input: exposed, encoding: 'utf8' })
  assert.deepEqual([checked.status, checked.stdout + checked.stderr], [0, ''])
  assert.match(exposed, /^podlane_stage_seconds_total\{stage="ebpf"\} [\d.e-]+$/m)
  assert.doesNotMatch(await metrics(b), /podlane_stage_seconds_total/)
  const asked = await profileOf(b, '?seconds=0.5')
  assert.deepEqual([asked.source, asked.hz], ['samples', 997])
})

test('an interval that is none is refused', async (t) => {
  const a = new NodeBench(t, { name: 'a', nodes: [nodeA] })
  await a.start()
  for (const seconds of ['0', '-1', 'soon', '601', '']) {
    const asked = await askSocket(a.socket, 'GET', `/profile?seconds=${seconds}`)
    assert.match(asked.ok ? 'taken' : asked.error.found, /a number from above 0 to 600/, seconds)
  }
})
