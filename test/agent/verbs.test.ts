import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testNamespace } from '../namespaces.ts'
import { becomes, kernelDump, run } from './dump.ts'
import { nodeA, nodeB, nodeWithOutside } from './fixtures.ts'
import type { TestPod } from './node_bench.ts'
import { until } from './until.ts'

const reaches = (pod: TestPod, ip: string): void => {
  assert.match(run(pod.ns, 'ping', '-c1', '-W1', ip), / 0% packet loss/)
}
const families = [
  ['IPv4', ['10.244.1.0/24']],
  ['IPv6', ['fd00:1::/64']],
  ['dual', ['10.244.1.0/24', 'fd00:1::/64']],
] as const

for (const [title, podCIDRs] of families) {
  test(`${title}: two pods of a node reach each other, CHECK finds nothing, DEL leaves nothing`, async (t) => {
    const { bench } = nodeWithOutside(t, { nodes: [{ ...nodeA, podCIDRs }, nodeB] })
    await bench.start()
    await bench.settled(300)
    const before = kernelDump(bench.ns)
    const one = await bench.pod('one')
    const two = await bench.pod('two')
    assert.equal(one.ips.length, podCIDRs.length)
    for (const ip of two.ips) reaches(one, ip)
    for (const ip of one.ips) reaches(two, ip)
    assert.deepEqual([(await one.check()).code, (await two.check()).stdout], [0, ''])
    assert.deepEqual(
      (await bench.status()).pods.map((p) => p.containerId),
      ['one', 'two'],
    )
    for (const pod of [one, two]) assert.deepEqual([(await pod.del()).code, (await pod.del()).code], [0, 0])
    await becomes(bench.ns, before)
    assert.equal((await one.check()).json.code, 3)
  })
}

test('ADD of what is there is an error, DEL of what never was is none', async (t) => {
  const { bench } = nodeWithOutside(t)
  await bench.start()
  const pod = await bench.pod('one')
  const again = await bench.call('ADD', 'one', pod.ns.path)
  assert.equal(again.json.code, 4)
  assert.match(String(again.json.msg), /CNI_IFNAME eth0 of CNI_CONTAINERID one/)
  assert.equal((await bench.call('DEL', 'never', undefined)).code, 0)
  assert.equal((await pod.check()).code, 0)
  const second = await bench.call('ADD', 'one', pod.ns.path, { ifName: 'eth1' })
  assert.equal(second.code, 0, second.stdout)
})

test('an ADD of the same container and interface right after its DEL waits for the link and succeeds', async (t) => {
  const { bench } = nodeWithOutside(t)
  await bench.start()
  const pod = await bench.pod('one')
  for (let i = 0; i < 5; i++) {
    assert.equal((await pod.del()).code, 0)
    const added = await bench.call('ADD', 'one', pod.ns.path)
    assert.equal(added.code, 0, added.stdout)
  }
})

test('after DEL has answered nothing but the link is left, marked as deleting', async (t) => {
  const { bench } = nodeWithOutside(t)
  await bench.start()
  const pod = await bench.pod('one', {
    config: { runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80 }] } },
  })
  bench.agent.signal('SIGSTOP')
  bench.agent.signal('SIGCONT')
  const del = bench.call('DEL', 'one', undefined)
  await del
  const nft = run(bench.ns, 'nft', 'list', 'ruleset')
  const link = run(bench.ns, 'ip', 'link')
  assert.ok(!nft.includes('8080') && !nft.includes(`. ${pod.ips[0]}`), nft)
  if (link.includes('podlane1')) assert.match(link, /alias podlane1 deleting c=one/)
})

test('a foreign link that somebody put into the group of deleted links survives', async (t) => {
  const { bench } = nodeWithOutside(t)
  await bench.start()
  run(bench.ns, 'ip', 'link', 'add', 'foreign', 'group', String(0x706f65), 'type', 'bridge')
  const pod = await bench.pod('one')
  await pod.del()
  await until('the pod’s link is gone', () => !/podl[0-9a-f]{11}/.test(run(bench.ns, 'ip', 'link')))
  assert.match(run(bench.ns, 'ip', 'link'), /foreign/)
})

test('GC removes what is not on the list, and only of its own network', async (t) => {
  const { bench } = nodeWithOutside(t)
  await bench.start()
  await bench.pod('keep')
  await bench.pod('stale')
  const other = await bench.call('ADD', 'other', testNamespace(t).path, { config: { name: 'second' } })
  assert.equal(other.code, 0)
  const gc = await bench.call('GC', '', undefined, {
    config: { 'cni.dev/valid-attachments': [{ containerID: 'keep', ifname: 'eth0' }] },
  })
  assert.equal(gc.code, 0, gc.stdout)
  const { pods } = await bench.status()
  assert.deepEqual(pods.map((p) => p.containerId).sort(), ['keep', 'other'])
})
