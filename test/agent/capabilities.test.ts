import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testNamespace } from '../namespaces.ts'
import { run } from './dump.ts'
import { nodeWithOutside } from './fixtures.ts'
import { fetched, listens, serveFile, start } from './programs.ts'

const port = (hostPort: number, more: object = {}) => ({
  config: { runtimeConfig: { portMappings: [{ hostPort, containerPort: 80, ...more }] } },
})
const asks = (runtimeConfig: object) => ({ config: { runtimeConfig } })

test('a hostPort leads from outside and from the node itself, 127.0.0.1 included, into the pod', async (t) => {
  const { bench, outside } = nodeWithOutside(t)
  await bench.start()
  const pod = await bench.pod('web', port(8080))
  await serveFile(t, pod.ns, 80, 100)
  assert.equal(fetched(outside, '192.0.2.1:8080'), 100)
  assert.equal(fetched(bench.ns, '192.0.2.1:8080'), 100)
  assert.equal(fetched(bench.ns, '127.0.0.1:8080'), 100)
  assert.deepEqual((await bench.status()).pods[0]?.hostPorts, ['8080/tcp → 80'])
})

test('a hostPort that a program of the host or another pod has is code 103, and says who has it', async (t) => {
  const { bench } = nodeWithOutside(t)
  await bench.start()
  start(t, bench.ns, 'nc', '-d', '-l', '8081')
  await listens(bench.ns, 8081)
  const second = testNamespace(t)
  const host = await bench.call('ADD', 'two', second.path, port(8081))
  assert.equal(host.json.code, 103)
  assert.match(host.stdout, /hostPort tcp\/8081.*a program of the host/)
  await bench.pod('one', port(8080))
  const other = await bench.call('ADD', 'two', second.path, port(8080))
  assert.equal(other.json.code, 103)
  assert.match(other.stdout, /pod container one/)
  assert.equal((await bench.call('ADD', 'two', second.path, port(8080, { protocol: 'udp' }))).code, 0)
})

test('a freed hostPort is usable at once after DEL, also by the next agent', async (t) => {
  const { bench } = nodeWithOutside(t)
  await bench.start()
  for (let i = 0; i < 4; i++) {
    const pod = await bench.pod(`web${i}`, port(8080))
    if (i === 1) {
      await bench.agent.kill()
      await bench.start()
      const taken = await bench.call('ADD', 'late', testNamespace(t).path, port(8080))
      assert.equal(taken.json.code, 103, taken.stdout)
    }
    assert.equal((await pod.del()).code, 0)
  }
  assert.ok(!run(bench.ns, 'nft', 'list', 'ruleset').includes('8080'))
})

test('bandwidth limits both directions', async (t) => {
  const { bench } = nodeWithOutside(t)
  await bench.start()
  const bytes = 2_000_000
  const rate = 8_000_000
  const free = await bench.pod('free')
  const slow = await bench.pod('slow', asks({ bandwidth: { ingressRate: rate, egressRate: rate } }))
  await serveFile(t, free.ns, 80, bytes)
  await serveFile(t, slow.ns, 80, bytes)
  const seconds = (work: () => number): number => {
    const began = performance.now()
    assert.equal(work(), bytes)
    return (performance.now() - began) / 1000
  }
  // 16 Mbit at 8 Mbit/s take 2 s, less the bucket's first tenth of a second.
  for (const [from, to] of [
    [free, slow],
    [slow, free],
  ] as const) {
    const took = seconds(() => fetched(from.ns, `${to.ips[0]}:80`))
    assert.ok(took > 1.5 && took < 10, `${to.container} to ${from.container}: ${took} s`)
  }
  assert.equal((await slow.check()).code, 0)
})

test('asked-for addresses and MAC are given; one that is taken or outside the range is code 102', async (t) => {
  const { bench } = nodeWithOutside(t)
  await bench.start()
  const fixed = asks({ ips: ['10.244.1.77', 'fd00:1::77'], mac: '02:aa:bb:cc:dd:ee' })
  const pod = await bench.pod('fixed', fixed)
  assert.deepEqual(pod.ips, ['10.244.1.77', 'fd00:1::77'])
  assert.match(run(pod.ns, 'ip', 'link', 'show', 'eth0'), /02:aa:bb:cc:dd:ee/)
  assert.equal((await pod.check()).code, 0)
  const other = await bench.pod('other')
  assert.match(run(pod.ns, 'ping', '-c1', '-W1', other.ips[0] ?? ''), / 0% packet loss/)
  const again = testNamespace(t)
  for (const ip of ['10.244.1.77', '10.244.2.5', '10.244.1.1', '10.244.1.255']) {
    const refused = await bench.call('ADD', 'late', again.path, asks({ ips: [ip] }))
    assert.equal(refused.json.code, 102, refused.stdout)
  }
})
