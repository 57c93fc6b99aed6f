import assert from 'node:assert/strict'
import { test } from 'node:test'
import { run, shell } from './dump.ts'
import { nodeA, nodeB, nodeWithOutside } from './fixtures.ts'
import type { NodeBench } from './node_bench.ts'
import { until } from './until.ts'

const stranger = { ...nodeA, addresses: ['192.0.2.77'] }
const far = { name: 'c', addresses: ['198.51.100.3'], podCIDRs: ['10.244.3.0/24'] }
const routeTo = (bench: NodeBench, dst: string): string => run(bench.ns, 'ip', 'route', 'show', dst)

const ways = [
  ['the node’s address', { nodes: [nodeA, nodeB] }],
  ['a device’s name', { nodes: [stranger, nodeB], config: { uplink: { device: 'eth0' } } }],
  ['a pattern', { nodes: [stranger, nodeB], config: { uplink: { pattern: ['ens*', 'eth*'] } } }],
  ['an address that it reaches', { nodes: [stranger, nodeB], config: { uplink: { canReach: '192.0.2.2' } } }],
] as const

for (const [way, options] of ways) {
  test(`the uplink is found by ${way}`, async (t) => {
    const { bench } = nodeWithOutside(t, options)
    await bench.start()
    assert.equal((await bench.status()).uplink?.name, 'eth0')
    assert.match(routeTo(bench, '10.244.2.0/24'), /via 192\.0\.2\.2 dev eth0/)
  })
}

test('without uplink the status complains, pods of the node reach each other, and it is found when it comes', async (t) => {
  const { bench } = nodeWithOutside(t, { config: { uplink: { device: 'eth7' } } })
  await bench.start()
  const { complaints, uplink } = await bench.status()
  assert.equal(uplink, null)
  assert.ok(
    complaints.some((c) => c.object === 'uplink' && c.wanted.includes('eth7') && c.found.includes('eth0')),
  )
  const [one, two] = [await bench.pod('one'), await bench.pod('two')]
  assert.match(run(one.ns, 'ping', '-c1', '-W1', two.ips[0] ?? ''), / 0% packet loss/)
  run(bench.ns, 'ip', 'link', 'set', 'eth0', 'down')
  run(bench.ns, 'ip', 'link', 'set', 'eth0', 'name', 'eth7')
  run(bench.ns, 'ip', 'link', 'set', 'eth7', 'up')
  await until('it is found', async () => (await bench.status()).uplink?.name === 'eth7')
  await until('the peer is reached', () => routeTo(bench, '10.244.2.0/24').includes('dev eth7'))
})

test('a changed MTU of the uplink reaches routes, tunnel and new pods', async (t) => {
  const { bench } = nodeWithOutside(t, { nodes: [nodeA, nodeB, far] })
  await bench.start()
  run(bench.ns, 'ip', 'link', 'set', 'eth0', 'mtu', '1400')
  await until('the routes follow', () => routeTo(bench, '10.244.2.0/24').includes('mtu 1400'))
  await until('the tunnel follows', () => routeTo(bench, '10.244.3.0/24').includes('mtu 1350'))
  assert.match(run(bench.ns, 'ip', 'link', 'show', 'podlane-vxlan'), /mtu 1350/)
  const pod = await bench.pod('one')
  assert.match(run(pod.ns, 'ip', 'link', 'show', 'eth0'), /mtu 1400/)
  assert.match(run(pod.ns, 'ip', 'route', 'show', 'default'), /mtu 1350/)
})

test('a node that moves to another address is followed by its tunnel', async (t) => {
  const { bench } = nodeWithOutside(t, { nodes: [nodeA, far] })
  await bench.start()
  // Or the second address of a range would go with the first.
  shell(bench.ns, 'echo 1 > /proc/sys/net/ipv4/conf/eth0/promote_secondaries')
  run(bench.ns, 'ip', 'address', 'add', '192.0.2.9/24', 'dev', 'eth0')
  bench.declare([{ ...nodeA, addresses: ['192.0.2.9'] }, far])
  const tunnel = () => run(bench.ns, 'ip', '-d', 'link', 'show', 'type', 'vxlan')
  await until('the tunnel has the new address', () => tunnel().includes('local 192.0.2.9'))
  run(bench.ns, 'ip', 'address', 'del', '192.0.2.1/24', 'dev', 'eth0')
  await until('the route stands', () => routeTo(bench, '10.244.3.0/24').includes('podlane-vxlan'))
})

test('after the uplink went down and up all ways are back', async (t) => {
  const { bench, outside } = nodeWithOutside(t, { nodes: [nodeA, nodeB, far] })
  await bench.start()
  const filter = () => run(bench.ns, 'nft', 'list', 'set', 'inet', 'podlane', 'direct_sources4')
  await until('the peer’s MAC is known', () => filter().includes('10.244.2.0/24'))
  run(bench.ns, 'ip', 'link', 'set', 'eth0', 'down')
  await until('the route is lost', () => routeTo(bench, '10.244.2.0/24') === '')
  run(bench.ns, 'ip', 'link', 'set', 'eth0', 'up')
  await until('the route is back', () => routeTo(bench, '10.244.2.0/24').includes('eth0'))
  await until('the peer’s MAC is known', () => filter().includes('10.244.2.0/24'))
  run(outside, 'ip', 'link', 'set', 'eth0', 'down')
  run(outside, 'ip', 'link', 'set', 'eth0', 'up')
  await until('the peer’s MAC is known', () => filter().includes('10.244.2.0/24'))
  assert.equal((await bench.status()).complaints.length, 0)
})
