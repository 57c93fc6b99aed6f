import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testNamespace } from '../namespaces.ts'
import { run } from './dump.ts'
import { nodeWithOutside } from './fixtures.ts'

test('a node that is asked for netkit wires pods by netkit or, with the reason, not at all', async (t) => {
  const { bench } = nodeWithOutside(t, { config: { podDevice: 'netkit' } })
  await bench.start()
  const status = await bench.status()
  const pod = testNamespace(t)
  const added = await bench.call('ADD', 'one', pod.path)
  if (status.features.netkit === 'yes') {
    assert.deepEqual([added.code, status.podDevice], [0, 'netkit'])
    assert.deepEqual(
      (await bench.status()).pods.map((p) => p.device),
      ['netkit'],
    )
    return
  }
  assert.equal(added.json.code, 105)
  assert.match(
    String(added.json.details),
    /wanted a kernel that makes netkit pairs.*podDevice to auto or veth/,
  )
  assert.deepEqual(
    [status.podDevice, status.complaints.map((c) => c.object)],
    [undefined, ['config key podDevice: netkit']],
  )
  assert.doesNotMatch(run(bench.ns, 'ip', 'link'), /podl[0-9a-f]{11}/)
  assert.doesNotMatch(run(pod, 'ip', 'link'), /eth0/)
})

test('pods keep the device that they have when the config wishes another', async (t) => {
  const { bench } = nodeWithOutside(t, { config: { podDevice: 'veth' } })
  await bench.start()
  const old = await bench.pod('old')
  await bench.agent.kill()
  bench.configure({ podDevice: 'auto' })
  await bench.start()
  const young = await bench.pod('young')
  const { pods, podDevice } = await bench.status()
  assert.deepEqual(
    pods.map((p) => [p.containerId, p.device]),
    [
      ['old', 'veth'],
      ['young', podDevice],
    ],
  )
  for (const ip of old.ips) run(young.ns, 'ping', '-c1', '-W3', ip)
  for (const pod of [old, young]) assert.deepEqual([(await pod.check()).code, (await pod.del()).code], [0, 0])
})
