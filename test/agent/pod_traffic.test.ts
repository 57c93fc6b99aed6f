import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { LaneTraffic } from '../../src/schema/agent_status.ts'
import { twoNodes } from './fixtures.ts'
import type { NodeBench, TestPod } from './node_bench.ts'
import { start } from './programs.ts'
import { until } from './until.ts'

/** Pods have their programs, and every path is fast. */
async function ready(node: NodeBench, pods: number): Promise<void> {
  await until('everything is fast', async () => {
    const status = await node.status()
    const { pods: all, peers, fastLane } = status
    const counted = all.filter((p) => p.traffic !== undefined).length
    return (
      counted === pods &&
      fastLane?.waitingPods === undefined &&
      peers.every((p) => p.lane?.lane === fastLane?.lane)
    )
  })
}

async function trafficOf(node: NodeBench, pod: TestPod): Promise<LaneTraffic> {
  const found = (await node.status()).pods.find((p) => p.containerId === pod.container)
  return found?.traffic ?? assert.fail(`${pod.container} has no counts`)
}

const echoes = (traffic: LaneTraffic) => ({
  fast: [traffic.sent.fast.packets, traffic.received.fast.packets],
  plain: [traffic.sent.plain.packets, traffic.received.plain.packets],
})

async function ping(t: TestContext, from: TestPod, ip = ''): Promise<void> {
  const program = start(t, from.ns, 'ping', '-q', '-i', '0.02', '-c', '20', '-W', '2', ip)
  await program.ended
  assert.match(program.output(), / 0% packet loss/)
}

/** A pod says a little by itself: neighbours and routers are looked for. */
const about = (packets: readonly number[], wanted: number): void => {
  for (const n of packets)
    assert.ok(n >= wanted && n <= wanted + 15, `${packets} packets, not about ${wanted}`)
}

test('status tells what each pod sent and received in which lane, also after a restart of the agent', async (t) => {
  const { a, b } = await twoNodes(t)
  const [one, two, far] = [await a.pod('one'), await a.pod('two'), await b.pod('far')]
  await Promise.all([ready(a, 2), ready(b, 1)])
  for (const ip of [...far.ips, ...two.ips]) await ping(t, one, ip)
  const fast = { one: echoes(await trafficOf(a, one)), two: echoes(await trafficOf(a, two)) }
  about(fast.one.fast, 80)
  about(fast.two.fast, 40)
  about(echoes(await trafficOf(b, far)).fast, 40)
  for (const counts of Object.values(fast)) about(counts.plain, 0)

  await a.agent.kill()
  await a.start()
  assert.deepEqual(echoes(await trafficOf(a, one)).fast, fast.one.fast)

  await a.setLane('plain')
  await b.setLane('plain')
  await Promise.all([ready(a, 2), ready(b, 1)])
  for (const ip of [...far.ips, ...two.ips]) await ping(t, one, ip)
  about(echoes(await trafficOf(a, one)).plain, 80)
  about(echoes(await trafficOf(a, two)).plain, 40)
  about(echoes(await trafficOf(b, far)).plain, 40)
  assert.deepEqual(echoes(await trafficOf(a, one)).fast, fast.one.fast)
})

test('a new pod begins at zero, whoever was there before', async (t) => {
  const { a } = await twoNodes(t)
  const [one, two] = [await a.pod('one'), await a.pod('two')]
  await ready(a, 2)
  for (let n = 0; n < 2; n++) await ping(t, one, two.ips[0])
  await one.del()
  const next = await a.pod('next')
  await ready(a, 2)
  about(Object.values(echoes(await trafficOf(a, next))).flat(), 0)
  await ping(t, next, two.ips[0])
  about(echoes(await trafficOf(a, next)).fast, 20)
})
