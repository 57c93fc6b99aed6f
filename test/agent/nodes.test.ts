import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kernelDump, run } from './dump.ts'
import { nodeA, nodeB, nodeWithOutside } from './fixtures.ts'
import { until } from './until.ts'

const far = { name: 'c', addresses: ['198.51.100.3'], podCIDRs: ['10.244.3.0/24'] }

test('nodes with faults are named in the status, and the rest works', async (t) => {
  const { bench } = nodeWithOutside(t, {
    nodes: [
      nodeA,
      nodeB,
      { name: 'same', addresses: ['198.51.100.9'], podCIDRs: ['10.244.2.0/24'] },
      { name: 'overlapping', addresses: ['198.51.100.10'], podCIDRs: ['10.244.0.0/16'] },
      { name: 'double', addresses: ['192.0.2.1'], podCIDRs: ['10.244.8.0/24'] },
      { name: 'bare', addresses: ['198.51.100.11'], podCIDRs: [] },
      { name: 'six', addresses: ['2001:db8::9'], podCIDRs: ['10.244.9.0/24'] },
      far,
    ],
  })
  await bench.start()
  const { complaints, peers, ready } = await bench.status()
  const of = (name: string): string => JSON.stringify(complaints.filter((c) => c.object === `node ${name}`))
  assert.match(of('same'), /10\.244\.2\.0\/24, which overlaps .* of node b/)
  assert.match(of('overlapping'), /10\.244\.0\.0\/16, which overlaps/)
  assert.match(of('double'), /which node a has/)
  assert.match(of('bare'), /spec\.podCIDRs/)
  assert.match(of('six'), /IPv4 address/)
  assert.equal(ready.state, 'ready')
  assert.deepEqual(
    peers.filter((p) => p.path !== 'none').map((p) => [p.name, p.path]),
    [
      ['b', 'vxlan'],
      ['c', 'vxlan'],
    ],
  )
  assert.match(run(bench.ns, 'ip', 'route'), /10\.244\.3\.0\/24 .* podlane-vxlan/)
})

test('a node name that no node has is named, with what to set', async (t) => {
  const { bench } = nodeWithOutside(t, { nodes: [nodeB, far] })
  await bench.start()
  const { complaints, ready } = await bench.status()
  assert.equal(ready.state, 'not-ready')
  assert.ok(complaints.some((c) => c.object === 'node a' && c.next.includes('nodeName')))
})

test('a node that comes, moves, changes its range and goes is followed everywhere', async (t) => {
  const { bench } = nodeWithOutside(t, { nodes: [nodeA] })
  await bench.start()
  await bench.settled(300)
  const alone = kernelDump(bench.ns)
  const has = (...words: string[]) => {
    const text = kernelDump(bench.ns)
    return words.every((w) => text.includes(w))
  }
  bench.declare([nodeA, far])
  await until('it is there', () => has('10.244.3.0/24 via 10.244.3.1', 'dst 198.51.100.3'))
  bench.declare([nodeA, { ...far, addresses: ['198.51.100.4'] }])
  await until('it moved', () => has('dst 198.51.100.4'))
  assert.ok(!has('198.51.100.3'))
  bench.declare([nodeA, { ...far, podCIDRs: ['10.244.4.0/24'] }])
  await until('it has another range', () => has('10.244.4.0/24 via 10.244.4.1'))
  assert.ok(!has('10.244.3.0/24'))
  bench.declare([nodeA])
  await until('nothing of it is left', () => kernelDump(bench.ns) === alone)
})

test('before the node has a range ADD asks to be tried again and STATUS is 50; a range that goes again is kept', async (t) => {
  const { bench } = nodeWithOutside(t, { nodes: [{ ...nodeA, podCIDRs: [] }, nodeB] })
  await bench.start()
  const status = await bench.call('STATUS', '', undefined)
  assert.equal(status.json.code, 50)
  const pod = bench.pod('early')
  await assert.rejects(pod, /"code":11/)
  bench.declare([nodeA, nodeB])
  await until('it is ready', async () => (await bench.call('STATUS', '', undefined)).code === 0)
  await bench.pod('one')
  bench.declare([{ ...nodeA, podCIDRs: [] }, nodeB])
  await bench.settled(400)
  await bench.pod('two')
  assert.deepEqual(
    (await bench.status()).ranges.map((r) => [r.cidr, r.used]),
    [
      ['10.244.1.0/24', 2],
      ['fd00:1::/64', 2],
    ],
  )
})

test('a pod that is older than the node’s present range stays masqueraded and is named until it goes', async (t) => {
  const { bench } = nodeWithOutside(t, { nodes: [nodeA, nodeB] })
  await bench.start()
  const pod = await bench.pod('old')
  const address = pod.ips[0] ?? ''
  const own = (): string => run(bench.ns, 'nft', 'list', 'set', 'inet', 'podlane', 'own_ranges4')
  const named = async () =>
    (await bench.status()).complaints.filter((c) => c.found.includes('addresses outside'))
  bench.declare([{ ...nodeA, podCIDRs: ['10.244.77.0/24', 'fd00:77::/64'] }, nodeB])
  await until('the range changed', () => own().includes('10.244.77.0/24'))
  assert.ok(own().includes(address), own())
  await until('it is named', async () => (await named())[0]?.found.startsWith('1 pod with') === true)
  const fresh = await bench.pod('fresh')
  assert.match(fresh.ips[0] ?? '', /^10\.244\.77\./)
  assert.match(run(pod.ns, 'ping', '-c1', '-W1', fresh.ips[0] ?? ''), / 0% packet loss/)
  await pod.del()
  bench.declare([{ ...nodeA, podCIDRs: ['10.244.77.0/24', 'fd00:77::/64'] }, nodeB, far])
  await until('nobody is outside', async () => (await named()).length === 0)
  assert.ok(!own().includes(address), own())
})

test('a node whose pod range covers the nodes’ network takes nobody’s way', async (t) => {
  const bad = { name: 'bad', addresses: ['198.51.100.12'], podCIDRs: ['192.0.2.0/24'] }
  const { bench } = nodeWithOutside(t, { nodes: [nodeA, nodeB, bad] })
  await bench.start()
  const { complaints, ready } = await bench.status()
  assert.match(JSON.stringify(complaints), /192\.0\.2\.0\/24, which overlaps/)
  assert.equal(ready.state, 'ready')
  assert.doesNotMatch(run(bench.ns, 'ip', 'route'), /192\.0\.2\.0\/24 .* podlane-vxlan/)
})
