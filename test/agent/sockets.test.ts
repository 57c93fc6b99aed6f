import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseIp } from '../../src/base/ip.ts'
import { must } from '../../src/base/result.ts'
import { connectTcp, TcpListener } from '../guard/sockets.ts'
import { lacking } from '../same_node/bench.ts'
import { nodeA } from './fixtures.ts'
import { NodeBench, type PodFact, type TestPod } from './node_bench.ts'
import { until } from './until.ts'

const skip = lacking() ?? false
const FEATURE = 'same-node sockets'
const SHORT = /short \d+/

const named = (uid: string, wish: string): PodFact => ({
  name: uid,
  uid,
  annotations: { 'podlane.io/same-node-sockets': wish },
})

async function talk(from: TestPod, to: TestPod, port: number): Promise<void> {
  const at = { ip: must(parseIp(to.ips[0] ?? '')), port }
  using listener = new TcpListener(to.ns, at)
  using client = (await connectTcp(from.ns, at)) ?? assert.fail('no connection')
  using server = (await listener.accept()) ?? assert.fail('none came')
  client.write('hello')
  assert.equal(await server.read(), 'hello')
}

test('the annotation of pods puts their sockets together, and taking it away ends that', {
  skip,
}, async (t) => {
  const bench = new NodeBench(t, { nodes: [nodeA] })
  const link = join(bench.folder, 'bpf', 'podlane', 'sockets', 'link')
  const says = async (): Promise<string> => (await bench.status()).features[FEATURE] ?? ''
  bench.declare([nodeA], [named('u1', 'true'), named('u2', 'false')])
  await bench.start()
  const one = await bench.pod('one', { args: 'IgnoreUnknown=1;K8S_POD_UID=u1' })
  const two = await bench.pod('two', { args: 'IgnoreUnknown=1;K8S_POD_UID=u2' })
  await talk(one, two, 7001)
  assert.doesNotMatch(await says(), SHORT)

  bench.declare([nodeA], [named('u1', 'true'), named('u2', 'true')])
  await until('both are in', async () => (await says()).startsWith('on for 4 addresses'))
  await talk(one, two, 7002)
  assert.match(await says(), SHORT)

  await bench.agent.kill()
  await bench.start()
  await until('all is as it was', async () => (await says()).startsWith('on for 4 addresses'))
  await talk(one, two, 7003)
  assert.match(await says(), /short 2/)

  bench.declare([nodeA])
  await until('nothing is attached', () => !existsSync(link))
  await talk(one, two, 7004)
  assert.match(await says(), /^off/)
})
