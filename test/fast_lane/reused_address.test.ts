import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../agent/until.ts'
import { addressOf } from '../guard/cluster.ts'
import { testNamespace } from '../namespaces.ts'
import { Capture, type Frame, isFor } from './capture.ts'
import { families, fastCluster, type Node, type Pod } from './cluster.ts'
import { echo } from './echo.ts'
import { onEveryLane, type Setting } from './lanes.ts'
import { keepSending } from './sender.ts'
import { converse, protocols, type Question, Talk } from './talk.ts'

/** A pod with peers on both nodes that talk to it, and all the places where their packets must not turn up. */
async function busyPod(t: TestContext, setting: Setting) {
  const cluster = await fastCluster(t, setting)
  const [one, two] = cluster.nodes
  const old = await one.pod('old', { ips: ['10.244.1.77', 'fd00:1::77'] })
  const peers = [await one.pod('near'), await two.pod('far')]
  const bystanders = [await one.pod('beside'), await two.pod('there')]
  for (const address of old.addresses) await echo(t, { ns: old.ns, ip: address, port: 8080 })
  const questions = peers.flatMap((peer) =>
    families.flatMap((v) =>
      protocols.map((protocol): Question & { peer: Pod } => ({
        peer,
        from: peer.ns,
        to: addressOf(old, v),
        port: 8080,
        protocol,
        fromPort: 42_000 + v,
      })),
    ),
  )
  const talks = await Promise.all(questions.map((q) => Talk.open(q)))
  for (const talk of talks) for (let n = 0; n < 5; n++) await talk.ask(`${n}`)
  const strays = [...peers, ...bystanders, cluster.outside].map(
    ({ ns }) => new Capture(ns, 'eth0', (f) => !f.isOutgoing && isFor(f, old)),
  )
  // Node 1 has nobody to hand such a packet on to.
  strays.push(new Capture(cluster.segment, 'p1', (f) => !f.isOutgoing && isFor(f, old)))
  t.after(() => {
    for (const stray of strays) stray[Symbol.dispose]()
  })
  return { one, old, peers, questions, talks, strays: () => strays.flatMap((s) => s.take()) }
}

/** ADD with the same addresses as soon as they are free. */
async function successor(t: TestContext, node: Node, old: Pod): Promise<Pod> {
  const ns = testNamespace(t)
  await until('the addresses are free', async () => {
    const config = { runtimeConfig: { ips: old.ips } }
    return (await node.bench.call('ADD', 'next', ns.path, { config })).code === 0
  })
  return { ...old, ns, container: 'next' }
}

onEveryLane(
  'an address that another pod has at once: old flows reach that pod or nobody, new ones work',
  async (t, setting) => {
    const { one, old, questions, talks, strays } = await busyPod(t, setting)
    const stop = keepSending(talks)
    await sleep(50)
    assert.equal((await old.del()).code, 0)
    const next = await successor(t, one, old)
    using wrong = new Capture(next.ns, 'eth0', (f) => !f.isOutgoing && isForeign(f, next))
    for (const address of next.addresses) await echo(t, { ns: next.ns, ip: address, port: 8080 })
    await sleep(250)
    stop()
    for (const talk of talks) talk.close()
    assert.deepEqual(strays(), [])
    assert.deepEqual(wrong.take(), [])
    for (const { peer, ...question } of questions) {
      const seen = await converse({ ...question, fromPort: undefined })
      assert.deepEqual(
        seen,
        peer.addresses.filter((a) => seen.includes(a)),
      )
      using again = await Talk.open(question)
      assert.ok(peer.addresses.includes(await again.ask('from-the-old-port')), question.protocol)
    }
    assert.deepEqual(strays(), [])
  },
)

/** A packet of a pod for someone else. */
const isForeign = (frame: Frame, pod: Pod): boolean =>
  frame.packets.some(({ dst }) => !pod.addresses.includes(dst) && !/^(ff|fe80|224\.)/.test(dst))

onEveryLane('the packets for a deleted pod go nowhere', async (t, setting) => {
  const { old, talks, strays } = await busyPod(t, setting)
  using heard = new Capture(old.ns, 'eth0', (f) => !f.isOutgoing && isFor(f, old))
  const stop = keepSending(talks)
  await sleep(50)
  assert.ok(heard.take().length > 0, 'until then they reach it')
  assert.equal((await old.del()).code, 0)
  await sleep(250)
  stop()
  assert.deepEqual(strays(), [])
  for (const talk of talks) talk.close()
})
