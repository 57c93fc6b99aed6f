import assert from 'node:assert/strict'
import { addressOf, run } from '../guard/cluster.ts'
import type { TestNamespace } from '../namespaces.ts'
import { families, fastCluster, type Node, type Pod } from './cluster.ts'
import { echo } from './echo.ts'
import { onEveryLane, type Path } from './lanes.ts'
import { converse, protocols, Talk } from './talk.ts'

const pings = (ns: TestNamespace, to: string): boolean =>
  / 0% packet loss/.test(run(ns, 'ping', '-c3', '-i0.01', '-W1', to))

onEveryLane('nodes and their pods', async (t, setting) => {
  const { nodes } = await fastCluster(t, setting)
  const [one, two] = nodes
  const at = { one, two, near: await one.pod('near'), far: await two.pod('far') }
  for (const host of [one, at.near, at.far])
    for (const address of host.addresses) await echo(t, { ns: host.ns, ip: address, port: 8080 })
  await t.test('nodes and pods talk to each other, near and far', () => talkAround(at, setting.path))
  await t.test('a kubelet’s probes see a pod that serves, and one that does not', () => probe(at))
})

type Hosts = { readonly one: Node; readonly two: Node; readonly near: Pod; readonly far: Pod }

async function talkAround({ one, two, near, far }: Hosts, path: Path): Promise<void> {
  for (const v of families) {
    for (const protocol of protocols) {
      const ask = (from: TestNamespace, to: { addresses: typeof one.addresses }) =>
        converse({ from, to: addressOf(to, v), port: 8080, protocol })
      await ask(one.ns, near)
      await ask(one.ns, far)
      await ask(two.ns, near)
      const seen = { near: await ask(near.ns, one), far: await ask(far.ns, one) }
      assert.deepEqual(seen.near, [addressOf(near, v)], 'a pod reaches its own node as itself')
      // By VXLAN a pod's packets to another node leave as its node's.
      const as = path === 'direct' ? far : two
      assert.deepEqual(seen.far, [addressOf(as, v)])
    }
    for (const [from, to] of [
      [one, near],
      [one, far],
      [near, one],
      [near, two],
    ] as const)
      assert.ok(pings(from.ns, addressOf(to, v)), `ping ${addressOf(to, v)}`)
  }
}

async function probe({ one, near, far }: Hosts): Promise<void> {
  for (const v of families) {
    const to = addressOf(near, v)
    using busy = await Talk.open({ from: far.ns, to, port: 8080, protocol: 'tcp' })
    for (let n = 0; n < 20; n++) {
      using probe = await Talk.open({ from: one.ns, to, port: 8080, protocol: 'tcp' })
      assert.equal(probe.family, v)
      await busy.ask(`${n}`)
    }
    const refused = Talk.open({ from: one.ns, to, port: 8081, protocol: 'tcp' })
    await assert.rejects(refused, /ECONNREFUSED/)
  }
}
