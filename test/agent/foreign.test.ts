import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testNamespace } from '../namespaces.ts'
import { run, shell } from './dump.ts'
import { nodeA, nodeB, nodeWithOutside } from './fixtures.ts'
import type { NodeBench } from './node_bench.ts'
import { until } from './until.ts'

const complains = async (bench: NodeBench, words: RegExp): Promise<boolean> =>
  (await bench.status()).complaints.some((c) => words.test(`${c.object}: ${c.found}`))

test('foreign links, tables, neighbours and routes survive start, work, DEL and restart', async (t) => {
  const { bench } = nodeWithOutside(t)
  const foreign = [
    'ip link add podlfoo type bridge',
    'ip link add podl0123456789a type veth peer name other',
    'ip link add podlgrp group 7368550 type bridge',
    'ip link set podl0123456789a alias podlane1-not-quite',
    'ip route add unreachable 10.99.0.0/16 proto static',
    'ip route add 10.98.0.0/16 via 192.0.2.2 proto bird',
    'ip -6 route add unreachable fd99::/64 proto static',
    'ip neighbour add 192.0.2.2 lladdr 02:00:00:00:00:77 dev eth0 nud permanent',
    'nft add table ip podlane',
    'nft add table inet other',
    'nft add set inet other podlane { type ipv4_addr; elements = { 10.0.0.1 }; }',
  ]
  for (const command of foreign)
    shell(bench.ns, command.replaceAll('{', "'{'").replaceAll('}', "'}'").replaceAll(';', "';'"))
  const view = (): string =>
    shell(
      bench.ns,
      'ip -o link | grep -oE "podl(foo|grp|0123456789a).*group \\S+"; ip route show proto static; ip route show proto bird; ip -6 route show proto static; ip neighbour show 192.0.2.2; nft list table ip podlane; nft list table inet other',
    )
  const before = view()
  await bench.start()
  const pod = await bench.pod('one')
  await pod.del()
  await bench.agent.kill()
  await bench.start()
  bench.declare([nodeA])
  await until('the peer is gone', async () => (await bench.status()).peers.length === 0)
  assert.equal(view(), before)
})

test('a foreign route to a peer’s range stays and is named; when it goes ours takes its place', async (t) => {
  const { bench } = nodeWithOutside(t)
  run(bench.ns, 'ip', 'route', 'add', '10.244.2.0/24', 'via', '192.0.2.9', 'proto', 'static')
  await bench.start()
  assert.ok(await complains(bench, /route 10\.244\.2\.0\/24.*not ours/))
  assert.match(run(bench.ns, 'ip', 'route', 'show', '10.244.2.0/24'), /192\.0\.2\.9.*static/)
  run(bench.ns, 'ip', 'route', 'del', '10.244.2.0/24')
  await until('ours is there', () =>
    run(bench.ns, 'ip', 'route', 'show', '10.244.2.0/24').includes('proto 112'),
  )
  await until('nothing is said any more', async () => !(await complains(bench, /not ours/)))
})

test('a foreign route to a pod’s address makes that ADD fail with its name, and the next one takes another address', async (t) => {
  const { bench } = nodeWithOutside(t)
  run(bench.ns, 'ip', 'route', 'add', '10.244.1.2/32', 'via', '192.0.2.2', 'proto', 'static')
  await bench.start()
  const ns = testNamespace(t)
  const refused = await bench.call('ADD', 'one', ns.path)
  assert.equal(refused.json.code, 102)
  assert.match(String(refused.json.details), /ip route show 10\.244\.1\.2/)
  assert.equal((await bench.call('ADD', 'one', ns.path)).code, 0)
  assert.match(run(bench.ns, 'ip', 'route', 'show', '10.244.1.2'), /proto static/)
})

test('a link that has the tunnel’s name and is not ours stays and is named; peers on the segment are reached', async (t) => {
  const far = { name: 'c', addresses: ['198.51.100.3'], podCIDRs: ['10.244.3.0/24'] }
  const { bench } = nodeWithOutside(t, { nodes: [nodeA, nodeB, far] })
  run(bench.ns, 'ip', 'link', 'add', 'podlane-vxlan', 'type', 'bridge')
  await bench.start()
  assert.ok(await complains(bench, /link podlane-vxlan: a bridge/))
  assert.match(run(bench.ns, 'ip', '-d', 'link', 'show', 'podlane-vxlan'), /bridge/)
  assert.match(run(bench.ns, 'ip', 'route', 'show', '10.244.2.0/24'), /192\.0\.2\.2/)
  run(bench.ns, 'ip', 'link', 'del', 'podlane-vxlan')
  await until('ours takes its place', () =>
    run(bench.ns, 'ip', 'route', 'show', '10.244.3.0/24').includes('podlane-vxlan'),
  )
})

test('a foreign VXLAN device with our port is named, and stays', async (t) => {
  const far = { name: 'c', addresses: ['198.51.100.3'], podCIDRs: ['10.244.3.0/24'] }
  const { bench } = nodeWithOutside(t, { nodes: [nodeA, far] })
  run(
    bench.ns,
    'ip',
    'link',
    'add',
    'flannel.1',
    'type',
    'vxlan',
    'id',
    '112',
    'dstport',
    '4789',
    'nolearning',
  )
  run(bench.ns, 'ip', 'link', 'set', 'flannel.1', 'up')
  await bench.start()
  assert.ok(await complains(bench, /link podlane-vxlan: another program or VXLAN device/))
  assert.match(run(bench.ns, 'ip', 'link'), /flannel\.1/)
  assert.equal((await bench.pod('one')).ips.length, 2)
})
