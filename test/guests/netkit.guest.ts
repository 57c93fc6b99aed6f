// What is particular to pods on netkit pairs; all else is told by the tests of every day, which run on them too.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseMac } from '../../src/base/mac.ts'
import { must } from '../../src/base/result.ts'
import { getLinks, type LinkRow, parseLink } from '../../src/kernel/netlink/link.ts'
import { addNetkit } from '../../src/kernel/netlink/netkit.ts'
import { POD_GROUP } from '../../src/plan/ownership.ts'
import { run } from '../agent/dump.ts'
import { nodeWithOutside } from '../agent/fixtures.ts'
import { until } from '../agent/until.ts'
import { type TestNamespace, testNamespace } from '../namespaces.ts'

const netkits = (ns: TestNamespace): LinkRow[] =>
  ns.route
    .dump(getLinks())
    .map(parseLink)
    .filter((l) => l.kind === 'netkit')

test('a restarted agent knows its netkit pods, changes nothing, and DEL takes both ends away', async (t) => {
  const { bench } = nodeWithOutside(t)
  await bench.start()
  const [one, two] = [await bench.pod('one'), await bench.pod('two')]
  const before = netkits(bench.ns)
  assert.deepEqual(
    [...before, ...netkits(one.ns), ...netkits(two.ns)].map((l) => l.name.slice(0, 4)),
    ['podl', 'podl', 'eth0', 'eth0'],
  )
  await bench.settled()
  await bench.agent.kill()
  await bench.start('second')
  assert.deepEqual(bench.agent.changes(), [])
  assert.deepEqual(netkits(bench.ns), before)
  for (const ip of two.ips) run(one.ns, 'ping', '-c1', '-W3', ip)
  assert.deepEqual([(await one.check()).stdout, (await one.del()).code], ['', 0])
  await until('one pair is gone', () => netkits(bench.ns).length === 1)
  assert.deepEqual(netkits(one.ns), [])
})

test('a pair whose pod’s namespace ends is gone from the host, and its address comes free', async (t) => {
  const { bench } = nodeWithOutside(t)
  await bench.start()
  const doomed = await bench.doomedPod('doomed')
  assert.equal(netkits(bench.ns).length, 1)
  doomed.destroy()
  await until('the pair is gone', () => netkits(bench.ns).length === 0)
  await until('the agent has seen it', async () => (await bench.status()).pods.length === 0)
})

test('a pair that a crash left half made is removed at the next start, one of others stays', async (t) => {
  const { bench } = nodeWithOutside(t)
  const pod = testNamespace(t)
  const mac = must(parseMac('02:00:00:00:00:07'))
  const pair = (name: string, group: number, peer: string) =>
    addNetkit({ name, mac, mtuBytes: 1500, group, peer: { name: peer, mac, netnsFd: pod.fd } })
  for (const made of bench.ns.route.batch([
    pair('podl0123456789a', POD_GROUP, 'eth0'),
    pair('foreign', POD_GROUP, 'eth1'),
  ]))
    assert.ok(made.ok, JSON.stringify(made))
  await bench.start()
  assert.deepEqual(
    netkits(bench.ns).map((l) => l.name),
    ['foreign'],
  )
})

test('both token buckets of a limited pod stand on the two ends of a netkit pair', async (t) => {
  const { bench } = nodeWithOutside(t)
  await bench.start()
  const limits = { ingressRate: 8_000_000, egressRate: 16_000_000 }
  const pod = await bench.pod('slow', { config: { runtimeConfig: { bandwidth: limits } } })
  assert.equal((await bench.status()).pods[0]?.device, 'netkit')
  const name = netkits(bench.ns)[0]?.name ?? assert.fail('no pair')
  assert.match(run(bench.ns, 'tc', 'qdisc', 'show', 'dev', name), /qdisc tbf \S+ root .*rate 8Mbit/)
  assert.match(run(pod.ns, 'tc', 'qdisc', 'show', 'dev', 'eth0'), /qdisc tbf \S+ root .*rate 16Mbit/)
  assert.equal((await pod.check()).code, 0)
})
