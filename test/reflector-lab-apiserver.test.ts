import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { systemClock } from '../src/base/clock.ts'
import { parseIp } from '../src/base/ip.ts'
import { silentLog } from '../src/base/log.ts'
import { must, type Result } from '../src/base/result.ts'
import { parseKubeconfig } from '../src/input/kubernetes/kubeconfig.ts'
import { startKubernetesSource } from '../src/input/kubernetes/source.ts'
import type { Source } from '../src/input/source.ts'
import { RecordingSink } from '../src/input/testing/recording-sink.ts'
import { type ControlPlane, createControlPlane } from '../src/lab/apiserver/control_plane.ts'
import { nodes } from '../src/lab/apiserver/kinds/node.ts'
import { pods } from '../src/lab/apiserver/kinds/pod.ts'
import { kubeconfigText, makeServerCertificate, type ServerCertificate } from '../src/lab/certificates.ts'

let certificate: ServerCertificate | undefined
let plane: ControlPlane
let port = 0
let source: Source | undefined
let sink = new RecordingSink()

beforeEach(async () => {
  certificate ??= await makeServerCertificate({ names: ['lab'], addresses: [must(parseIp('127.0.0.1'))] })
  plane = must(
    createControlPlane({
      clock: systemClock,
      log: silentLog,
      tokens: ['secret'],
      tls: certificate,
      clusterRanges: [],
      serviceRanges: [],
      bookmarkIntervalMs: 50,
      scheduler: false,
    }),
  )
  port = await plane.server.listen({ host: '127.0.0.1', port: 0 })
  sink = new RecordingSink()
})
afterEach(async () => {
  await source?.close()
  await plane.close()
})

async function start(pageSize = 500): Promise<void> {
  const ca = certificate?.ca ?? ''
  const text = kubeconfigText({ server: `https://127.0.0.1:${port}`, token: 'secret', ca, name: 'lab' })
  const connection = must(parseKubeconfig(text, 'kubeconfig'))
  const limits = { watchSilenceMs: 400 }
  const backoff = { baseMs: 5, firstCapMs: 40 }
  const options = { connection, nodeName: 'a', sink, clock: systemClock, log: silentLog, limits, backoff }
  source = startKubernetesSource({ ...options, pageSize })
  await sink.until(() => sink.lastStatus?.synced === true)
}

function done(outcome: Result<unknown, unknown>): void {
  assert.ok(outcome.ok, JSON.stringify(outcome))
}

function addNode(name: string, address: string): void {
  done(plane.api.create(nodes, '', { metadata: { name }, spec: { podCIDRs: ['10.244.7.0/24'] } }))
  const status = { addresses: [{ type: 'InternalIP', address }] }
  done(
    plane.api.update(nodes, '', name, (node) => ({ ok: true, value: { ...node, status } }), { status: true }),
  )
}

function addPod(name: string, nodeName: string, more: Readonly<Record<string, boolean>> = {}): void {
  const containers = [{ name: 'c', image: 'x' }]
  const body = { metadata: { name, namespace: 'default' }, spec: { nodeName, containers, ...more } }
  done(plane.api.create(pods, 'default', body))
}

const nodesAre = (...names: string[]) => sink.until(() => sink.nodeNames().join() === names.join())
const podNames = (): string => [...sink.podRows.values()].map((p) => p.name).join()

test('nodes in pages and the pods of one node come from the lab’s API server over TLS', async () => {
  for (const [i, name] of ['a', 'b', 'c'].entries()) addNode(name, `192.0.2.${i}`)
  addPod('mine', 'a')
  addPod('host', 'a', { hostNetwork: true })
  addPod('theirs', 'b')
  await start(2)
  assert.deepEqual(sink.nodeNames(), ['a', 'b', 'c'])
  assert.deepEqual(sink.nodeRows.get('c')?.addresses, ['192.0.2.2'])
  assert.deepEqual(sink.nodeRows.get('c')?.podCidrs, ['10.244.7.0/24'])
  assert.equal(podNames(), 'mine')
})

test('changes arrive over the watch, and a quiet watch lives on its bookmarks', async () => {
  await start()
  addNode('a', '192.0.2.1')
  addPod('p', 'a')
  await nodesAre('a')
  await sink.until(() => podNames() === 'p')
  await systemClock.sleep(800)
  assert.equal(plane.server.openWatches(), 2)
  done(plane.api.remove(pods, 'default', 'p', { gracePeriodSeconds: 0 }))
  done(plane.api.remove(nodes, '', 'a'))
  await sink.until(() => sink.nodeRows.size + sink.podRows.size === 0)
  assert.equal(sink.calls.filter((call) => call === 'nodes').length, 1)
})

test('a reset connection, a stall and a forgotten history leave the rows equal to the server’s', async () => {
  addNode('a', '192.0.2.1')
  await start()
  plane.server.faults.dropWatches('reset')
  addNode('b', '192.0.2.2')
  await nodesAre('a', 'b')
  plane.server.faults.stall()
  addNode('c', '192.0.2.3')
  await sink.until(() => sink.lastStatus?.lostSinceMs !== undefined)
  assert.deepEqual(sink.nodeNames(), ['a', 'b'])
  plane.server.faults.resume()
  await nodesAre('a', 'b', 'c')
  plane.server.faults.dropWatches('end')
  done(plane.api.remove(nodes, '', 'a'))
  plane.server.faults.expireHistory()
  await nodesAre('b', 'c')
  await sink.until(() => sink.lastStatus?.lostSinceMs === undefined)
})

test('a refused token is told and mended by a new one', async () => {
  plane.server.setTokens(['other'])
  const starting = start()
  await sink.until(() => sink.lastStatus?.message.includes('found 401 Unauthorized') === true)
  plane.server.setTokens(['secret'])
  await starting
})
