import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testNamespace } from '../namespaces.ts'
import { nodeB, nodeWithOutside } from './fixtures.ts'
import { ipsOf } from './node_bench.ts'
import { until } from './until.ts'

const small = { name: 'a', addresses: ['192.0.2.1'], podCIDRs: ['10.244.1.0/29'] }

test('a used-up range is code 101 with counts, STATUS 50, and both end when a pod goes', async (t) => {
  const { bench } = nodeWithOutside(t, { nodes: [small, nodeB], config: { ipam: { coolDownSeconds: 0 } } })
  await bench.start()
  assert.equal((await bench.call('STATUS', '', undefined)).code, 0)
  const pods = []
  for (let i = 0; i < 5; i++) pods.push(await bench.pod(`c${i}`))
  const ns = testNamespace(t)
  const full = await bench.call('ADD', 'late', ns.path)
  assert.equal(full.json.code, 101)
  assert.match(String(full.json.msg), /10\.244\.1\.0\/29: 5 in use, 0 held .* 0 cooling down, of 5/)
  const status = await bench.call('STATUS', '', undefined)
  assert.equal(status.json.code, 50)
  assert.match(String(status.json.msg), /5 in use/)
  assert.deepEqual((await bench.status()).ready.state, 'not-ready')
  await pods[2]?.del()
  await until('an address is free', async () => (await bench.call('STATUS', '', undefined)).code === 0)
  assert.deepEqual(ipsOf(await bench.call('ADD', 'late', ns.path)), pods[2]?.ips)
})

test('a freed address is not handed out again before its time, also by the next agent', async (t) => {
  const { bench } = nodeWithOutside(t, {
    nodes: [{ ...small, podCIDRs: ['10.244.1.0/30'] }, nodeB],
    config: { ipam: { coolDownSeconds: 4 } },
  })
  await bench.start()
  const pod = await bench.pod('one')
  await pod.del()
  const freedAt = performance.now()
  const ns = testNamespace(t)
  const early = await bench.call('ADD', 'two', ns.path)
  assert.equal(early.json.code, 101)
  await bench.agent.kill()
  await bench.start()
  assert.equal((await bench.call('ADD', 'two', ns.path)).json.code, 101)
  await until('it is handed out', async () => (await bench.call('ADD', 'two', ns.path)).code === 0)
  // The kernel counts in jiffies and the agent in milliseconds.
  assert.ok(performance.now() - freedAt > 3_900)
})

test('after a reboot the addresses that the input says are in use are not given to other pods until it says no more', async (t) => {
  const { bench } = nodeWithOutside(t, { nodes: [small, nodeB] })
  const held = ['10.244.1.2', '10.244.1.3'].map((ip, i) => ({ name: `p${i}`, uid: `u${i}`, addresses: [ip] }))
  bench.declare([small, nodeB], held)
  await bench.start()
  const one = await bench.pod('one')
  const two = await bench.pod('two')
  assert.deepEqual([...one.ips, ...two.ips], ['10.244.1.4', '10.244.1.5'])
  const own = await bench.pod('own', { args: 'K8S_POD_UID=u0' })
  assert.ok(!own.ips.includes('10.244.1.3'))
  bench.declare([small, nodeB])
  await until('the rows are gone', async () => (await bench.status()).ranges[0]?.used === 3)
  const rest = [await bench.pod('four'), await bench.pod('five')]
  const all = [one, two, own, ...rest].flatMap((p) => p.ips)
  assert.equal(new Set(all).size, 5)
})
