import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { TestApi } from './api.ts'
import { kernelDump, run } from './dump.ts'
import { nodeA, nodeB, nodeWithOutside } from './fixtures.ts'
import { until } from './until.ts'

const far = { name: 'c', addresses: ['198.51.100.3'], podCIDRs: ['10.244.3.0/24'] }

function nodeWithApi(t: TestContext) {
  const { bench, outside } = nodeWithOutside(t)
  const api = new TestApi(t, outside, '192.0.2.2')
  bench.configure({ input: { kind: 'kubernetes', kubeconfig: api.kubeconfig(bench.folder) } })
  return { bench, api }
}

test('restarted without API the agent goes on with what the kernel has, sweeps nothing, and recovers', async (t) => {
  const { bench, api } = nodeWithApi(t)
  await api.start([nodeA, nodeB, far])
  await bench.start()
  const one = await bench.pod('one')
  await until('the peer is known', () => kernelDump(bench.ns).includes('10.244.3.0/24 via'))
  await bench.settled(1_300)
  const before = kernelDump(bench.ns)
  await bench.agent.kill()
  await api.stop()

  const alone = await bench.start()
  await bench.settled(1_300)
  assert.equal(kernelDump(bench.ns), before)
  assert.deepEqual(alone.changes(), [])
  const status = await bench.status()
  assert.equal(status.source.synced, false)
  assert.equal(status.ready.state, 'ready')
  assert.deepEqual(
    status.ranges.map((r) => r.cidr),
    nodeA.podCIDRs,
  )
  const two = await bench.pod('two')
  assert.match(run(two.ns, 'ping', '-c1', '-W1', one.ips[0] ?? ''), / 0% packet loss/)
  assert.match(run(two.ns, 'ip', 'link', 'show', 'eth0'), /mtu 1500/)
  assert.match(run(two.ns, 'ip', 'route', 'show', 'default'), /mtu 1450/)
  assert.equal((await one.del()).code, 0)

  await api.start([nodeA, nodeB])
  await until('it is in sync', async () => (await bench.status()).source.synced, 20_000)
  await until(
    'the node that went meanwhile is gone',
    () => !kernelDump(bench.ns).includes('10.244.3.0/24 via'),
  )
  assert.deepEqual(
    (await bench.status()).pods.map((p) => p.containerId),
    ['two'],
  )
})

test('while the API is gone pods keep working, ADD goes on, and the status says that it is lost', async (t) => {
  const { bench, api } = nodeWithApi(t)
  await api.start([nodeA, nodeB, far])
  await bench.start()
  const one = await bench.pod('one')
  await bench.settled(1_300)
  const ways = run(bench.ns, 'ip', 'route')
  await api.stop()
  await until('it is told', async () => (await bench.status()).source.lostSinceMs !== undefined)
  const two = await bench.pod('two')
  assert.match(run(two.ns, 'ping', '-c1', '-W1', one.ips[0] ?? ''), / 0% packet loss/)
  assert.equal((await bench.call('STATUS', '', undefined)).code, 0)
  await two.del()
  await until('its link is gone', () => run(bench.ns, 'ip', 'route') === ways)
  await api.start([nodeA, nodeB])
  await until('it recovers', async () => (await bench.status()).source.lostSinceMs === undefined, 20_000)
  await until('what changed meanwhile is done', () => !run(bench.ns, 'ip', 'route').includes('10.244.3.0/24'))
})

test('after a reboot no address that the API gives to a living pod goes to another, not even while the API is unheard', async (t) => {
  const { bench, api } = nodeWithApi(t)
  const unheard = await bench.start()
  assert.deepEqual(unheard.changes(), [])
  await assert.rejects(bench.pod('early'), /"code":11/)
  assert.equal((await bench.call('STATUS', '', undefined)).json.code, 50)
  await api.start([])
  for (const i of [2, 3, 4]) api.addPod(`p${i}`, 'a', [`10.244.1.${i}`, `fd00:1::${i}`])
  api.addPod('elsewhere', 'b', ['10.244.1.5'])
  api.addNode(nodeA)
  await until('it is ready', async () => (await bench.call('STATUS', '', undefined)).code === 0, 20_000)
  assert.deepEqual((await bench.pod('one')).ips, ['10.244.1.5', 'fd00:1::5'])
  api.removePod('p3')
  await until('its row is gone', async () => (await bench.status()).ranges[0]?.used === 3)
})
