import assert from 'node:assert/strict'
import { addressOf, run } from '../guard/cluster.ts'
import type { TestNamespace } from '../namespaces.ts'
import { families, fastCluster } from './cluster.ts'
import { echo } from './echo.ts'
import { onEveryLane } from './lanes.ts'
import { converse, protocols, Talk } from './talk.ts'

const pings = (ns: TestNamespace, to: string): boolean =>
  / 0% packet loss/.test(run(ns, 'ping', '-c3', '-i0.01', '-W1', to))

onEveryLane('nodes and pods talk to each other, near and far', async (t, setting) => {
  const { nodes } = await fastCluster(t, setting)
  const [one, two] = nodes
  const pods = { near: await one.pod('near'), far: await two.pod('far') }
  for (const at of [one, pods.near, pods.far])
    for (const address of at.addresses) await echo(t, { ns: at.ns, ip: address, port: 8080 })
  for (const v of families) {
    for (const protocol of protocols) {
      const ask = (from: TestNamespace, to: { addresses: typeof one.addresses }) =>
        converse({ from, to: addressOf(to, v), port: 8080, protocol })
      await ask(one.ns, pods.near)
      await ask(one.ns, pods.far)
      await ask(two.ns, pods.near)
      const [near, far] = [await ask(pods.near.ns, one), await ask(pods.far.ns, one)]
      assert.deepEqual(near, [addressOf(pods.near, v)], 'a pod reaches its own node as itself')
      // By VXLAN a pod's packets to another node leave as its node's.
      const seen = setting.path === 'direct' ? pods.far : two
      assert.deepEqual(far, [addressOf(seen, v)])
    }
    for (const [from, to] of [
      [one, pods.near],
      [one, pods.far],
      [pods.near, one],
      [pods.near, two],
    ] as const)
      assert.ok(pings(from.ns, addressOf(to, v)), `ping ${addressOf(to, v)}`)
  }
})

onEveryLane('a kubelet’s probes see a pod that serves, and one that does not', async (t, setting) => {
  const { nodes } = await fastCluster(t, setting)
  const [one, two] = nodes
  const pod = await one.pod('probed')
  const client = await two.pod('client')
  for (const address of pod.addresses) await echo(t, { ns: pod.ns, ip: address, port: 8080 })
  for (const v of families) {
    const to = addressOf(pod, v)
    using busy = await Talk.open({ from: client.ns, to, port: 8080, protocol: 'tcp' })
    for (let n = 0; n < 20; n++) {
      using probe = await Talk.open({ from: one.ns, to, port: 8080, protocol: 'tcp' })
      assert.equal(probe.family, v)
      await busy.ask(`${n}`)
    }
    const refused = Talk.open({ from: one.ns, to, port: 8081, protocol: 'tcp' })
    await assert.rejects(refused, /ECONNREFUSED/)
  }
})
