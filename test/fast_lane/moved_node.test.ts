import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Family, familyOf, type Ip } from '../../src/base/ip.ts'
import type { Mac } from '../../src/base/mac.ts'
import { until } from '../agent/until.ts'
import { addressOf, ip, mac, run } from '../guard/cluster.ts'
import { ARP, arp, ethernet, frame, neighbour } from '../guard/frames.ts'
import { sendFrame } from '../guard/sockets.ts'
import type { TestNamespace } from '../namespaces.ts'
import { Capture, isFor } from './capture.ts'
import { families, fastCluster, type Pod } from './cluster.ts'
import { echo } from './echo.ts'
import { onEveryLane, type Setting } from './lanes.ts'
import { keepSending } from './sender.ts'
import { converse, protocols, type Question, Talk } from './talk.ts'

/** Conversations in both directions between the pods of two nodes, being spoken. */
async function talking(t: TestContext, setting: Setting) {
  const cluster = await fastCluster(t, setting)
  const pods = [await cluster.nodes[0].pod('left'), await cluster.nodes[1].pod('right')] as const
  for (const pod of pods)
    for (const address of pod.addresses) await echo(t, { ns: pod.ns, ip: address, port: 8080 })
  const between = (from: Pod, to: Pod): Question[] =>
    families.flatMap((v) =>
      protocols.map((protocol) => ({ from: from.ns, to: addressOf(to, v), port: 8080, protocol })),
    )
  const questions = [...between(pods[0], pods[1]), ...between(pods[1], pods[0])]
  const talks = await Promise.all(questions.map((q) => Talk.open(q)))
  for (const talk of talks) for (let n = 0; n < 5; n++) await talk.ask(`${n}`)
  const stop = keepSending(talks)
  t.after(() => {
    stop()
    for (const talk of talks) talk.close()
  })
  /** New flows of all kinds work within a few tries. */
  const works = async (): Promise<void> => {
    for (const question of questions)
      await until(`${question.protocol} to ${question.to}`, () =>
        converse({ ...question, timeoutMs: 200 }).then(
          () => true,
          () => false,
        ),
      )
  }
  return { ...cluster, pods, works }
}

/** As a network card does that takes over: gratuitous ARP and an unsolicited advertisement. */
function announce(ns: TestNamespace, addresses: { 4: Ip; 6: Ip }, own: Mac): void {
  const everyone = mac('ff:ff:ff:ff:ff:ff')
  const four = { mac: own, ip: addresses[4] }
  sendFrame(
    ns,
    'eth0',
    ethernet({ from: own, to: everyone }, ARP, arp('request', four, { ...four, mac: everyone })),
  )
  const route = { src: addresses[6], dst: ip('ff02::1') }
  const link = { from: own, to: mac('33:33:00:00:00:01') }
  sendFrame(ns, 'eth0', frame(link, neighbour('advertisement', route, addresses[6], own)))
}

for (const agent of ['runs', 'is gone'])
  onEveryLane(
    `a node whose MAC changes gets nothing at its old one while its peer’s agent ${agent}`,
    async (t, setting) => {
      const { nodes, segment, works, pods } = await talking(t, setting)
      const [, right] = pods
      const [one, two] = nodes
      const fresh = mac('02:00:00:00:00:22')
      using toOld = new Capture(segment, 'p1', (f) => !f.isOutgoing && f.to === two.mac)
      using toNew = new Capture(segment, 'p1', (f) => !f.isOutgoing && f.to === fresh && isFor(f, right))
      await sleep(30)
      assert.ok(toOld.take().length > 0, 'until then all goes there')
      if (agent === 'is gone') await one.bench.agent.kill()
      run(two.ns, 'ip', 'link', 'set', 'eth0', 'address', fresh)
      announce(two.ns, { 4: addressOf(two, 4), 6: addressOf(two, 6) }, fresh)
      const heeded = new Set<Family>()
      const wanted = setting.path === 'vxlan' ? 1 : families.length
      await until('packets go to the new MAC', () => {
        for (const { packets } of toNew.take()) if (packets[0]) heeded.add(familyOf(packets[0].dst))
        return heeded.size === wanted
      })
      toOld.take()
      await sleep(100)
      assert.deepEqual(toOld.take(), [])
      // Packets by the direct path are taken from the new MAC only when the agent has allowed it.
      if (agent === 'is gone') await one.bench.start()
      await works()
      assert.deepEqual(toOld.take(), [])
    },
  )

onEveryLane(
  'a node whose address changes gets nothing by its old one, whoever has it next',
  async (t, setting) => {
    const { nodes, outside, segment, declare, pods, works } = await talking(t, setting)
    const [, two] = nodes
    const moved = { 4: ip('192.0.2.22'), 6: ip('2001:db8::22') } as const
    for (const v of families) {
      const bits = v === 4 ? 24 : 64
      run(two.ns, 'ip', 'address', 'del', `${addressOf(two, v)}/${bits}`, 'dev', 'eth0')
      run(two.ns, 'ip', 'address', 'add', `${moved[v]}/${bits}`, 'dev', 'eth0')
      run(two.ns, 'ip', `-${v}`, 'route', 'replace', 'default', 'via', addressOf(outside, v))
      run(outside.ns, 'ip', `-${v}`, 'route', 'flush', 'root', v === 4 ? '10.244.2.0/24' : 'fd00:2::/64')
    }
    declare({ 2: [moved[4], moved[6]] })
    // Packets come by the old way too until they know, since its MAC is still two's.
    await until('both agents know', async () => {
      const [there, here] = [await nodes[0].bench.status(), await two.bench.status()]
      const has = (v: Family): boolean =>
        here.uplink?.addresses.some((a) => a.startsWith(`${moved[v]}/`)) ?? false
      return there.peers[0]?.address === moved[4] && families.every(has)
    })
    await works()
    for (const v of families)
      run(
        outside.ns,
        'ip',
        'address',
        'add',
        `${addressOf(two, v)}/32`.replace(/(:.*)\/32/, '$1/128'),
        'dev',
        'eth0',
      )
    announce(outside.ns, { 4: addressOf(two, 4), 6: addressOf(two, 6) }, outside.mac)
    using astray = new Capture(segment, 'p254', (f) => pods.some((pod) => isFor(f, pod)))
    using toOld = new Capture(segment, 'p1', (f) => isFor(f, two))
    await works()
    assert.deepEqual(astray.take(), [])
    assert.deepEqual(toOld.take(), [])
  },
)
