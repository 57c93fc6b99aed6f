import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { addressOf } from '../guard/cluster.ts'
import { families, fastCluster } from './cluster.ts'
import { echo } from './echo.ts'
import { byClsact, onEveryLane, onMixedLanes, overIpv6, type Setting } from './lanes.ts'
import { converse, protocols } from './talk.ts'
import { traffic } from './traffic.ts'
import { transferBothWays } from './transfer.ts'

async function talkBothWays(t: TestContext, setting: Setting): Promise<void> {
  const { nodes } = await fastCluster(t, setting)
  const pods = [await nodes[0].pod('left'), await nodes[1].pod('right')] as const
  for (const pod of pods)
    for (const address of pod.addresses) await echo(t, { ns: pod.ns, ip: address, port: 8080 })
  for (const [from, to] of [pods, [pods[1], pods[0]]] as const)
    for (const v of families) {
      const address = addressOf(to, v)
      for (const protocol of protocols) {
        const seen = await converse({ from: from.ns, to: address, port: 8080, protocol })
        assert.deepEqual(seen, [addressOf(from, v)], `${protocol} over IPv${v}`)
      }
      const question = { from: from.ns, to: address, port: 9000, protocol: 'tcp' } as const
      await transferBothWays(t, question, { ns: to.ns, ip: address, port: 9000 })
    }
}

for (const each of [onEveryLane, onMixedLanes, overIpv6, byClsact])
  each('pods of two nodes talk both ways, by small and large packets', talkBothWays)

onMixedLanes('pings, datagrams and streams between two nodes lose nothing', async (t, setting) => {
  const { nodes } = await fastCluster(t, setting)
  const [left, right] = [await nodes[0].pod('left'), await nodes[1].pod('right')]
  const going = await traffic(t, left, [right])
  await sleep(1000)
  await going.finish()
})
