import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { testNamespace } from '../namespaces.ts'
import { nodeA, twoNodes } from './fixtures.ts'
import { join2, NodeBench, type TestPod } from './node_bench.ts'
import { listens, start } from './programs.ts'
import { until } from './until.ts'

const LINES = 120

/** A line every 50 ms over one TCP connection; resolves with what has arrived when the sender ends. */
async function talk(t: TestContext, from: TestPod, to: TestPod, ip: string, port: number) {
  const server = start(t, to.ns, 'nc', ip.includes(':') ? '-6' : '-4', '-d', '-l', String(port))
  await listens(to.ns, port)
  const client = start(
    t,
    from.ns,
    'sh',
    '-c',
    `i=0; while [ $i -lt ${LINES} ]; do echo $i; i=$((i+1)); sleep 0.05; done | nc -N ${ip} ${port}`,
  )
  await until('the connection carries something', () => server.output().includes('1\n'))
  return async (): Promise<string[]> => {
    await client.ended
    await until('all has arrived', () => server.output().endsWith(`${LINES - 1}\n`)).catch(() => {})
    return server.output().trim().split('\n')
  }
}

const flood = (t: TestContext, from: TestPod, ip: string) => {
  const ping = start(t, from.ns, 'ping', '-q', '-i', '0.005', '-c', '900', '-W', '2', ip)
  return async () => {
    await ping.ended
    return `${ip}: ${/\d+ packets transmitted.*/.exec(ping.output())?.[0]}`
  }
}

test('kill, restart, another version and another config of the agent break no connection and lose no packet', async (t) => {
  const { a, b } = await twoNodes(t)
  const [one, two, far] = [await a.pod('one'), await a.pod('two'), await b.pod('far')]
  const targets = [two.ips[0], two.ips[1], far.ips[0], far.ips[1]].filter((ip) => ip !== undefined)
  // The first packet of a pair may wait for a neighbour to be found.
  for (const ip of targets) await start(t, one.ns, 'ping', '-c1', '-W3', ip).ended
  const talks = [
    await talk(t, one, two, two.ips[0] ?? '', 5001),
    await talk(t, one, far, far.ips[0] ?? '', 5001),
    await talk(t, far, one, one.ips[1] ?? '', 5002),
  ]
  const floods = targets.map((ip) => flood(t, one, ip))
  await sleep(300)
  await a.agent.kill()
  await sleep(300)
  await a.start('second')
  assert.equal((await a.status()).version, 'second')
  a.configure({ masquerade: { exclude: ['203.0.113.0/24'], enabled: false } })
  await Promise.all([a.agent.kill(), b.agent.kill()])
  await Promise.all([a.start('third'), b.start('third')])
  a.configure({ podMtu: 'uplink' })
  a.agent.signal('SIGTERM')
  await a.agent.ended
  await a.start('fourth')
  const whole = Array.from({ length: LINES }, (_, i) => String(i))
  for (const said of await Promise.all(floods.map((f) => f()))) assert.match(said, / 0% packet loss/)
  for (const heard of await Promise.all(talks.map((f) => f()))) assert.deepEqual(heard, whole)
})

test('a connection that the node masquerades, and one by a hostPort, live through kill and restart', async (t) => {
  const a = new NodeBench(t, { name: 'a', nodes: [nodeA] })
  const outside = testNamespace(t)
  join2(a.ns, outside, { a: ['192.0.2.1/24'], b: ['192.0.2.2/24'] })
  await a.start()
  const pod = await a.pod('one', {
    config: { runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80 }] } },
  })
  const stranger = { ...pod, ns: outside, ips: ['192.0.2.2'] }
  const out = await talk(t, pod, stranger, '192.0.2.2', 5001)
  const server = start(t, pod.ns, 'nc', '-d', '-l', '80')
  await listens(pod.ns, 80)
  const line = `i=0; while [ $i -lt ${LINES} ]; do echo $i; i=$((i+1)); sleep 0.05; done`
  const client = start(t, outside, 'sh', '-c', `(${line}) | nc -N 192.0.2.1 8080`)
  await until('the hostPort carries something', () => server.output().includes('1\n'))
  for (let i = 0; i < 3; i++) {
    await a.agent.kill()
    await a.start(`version ${i}`)
  }
  const whole = Array.from({ length: LINES }, (_, i) => String(i))
  await client.ended
  assert.deepEqual(await out(), whole)
  await until('all has arrived', () => server.output().endsWith(`${LINES - 1}\n`)).catch(() => {})
  assert.deepEqual(server.output().trim().split('\n'), whole)
})
