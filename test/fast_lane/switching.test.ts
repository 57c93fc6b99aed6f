import { setTimeout as sleep } from 'node:timers/promises'
import { run } from '../guard/cluster.ts'
import { fastCluster } from './cluster.ts'
import { onEveryLane, otherLane, switchLane } from './lanes.ts'
import { traffic } from './traffic.ts'

const SWITCHES = 10
/** As many hosts have it: a packet of a flow that conntrack has not followed from the start is dropped. */
const STRICT =
  'table inet strict { chain forward { type filter hook forward priority 0; ct state invalid counter drop; }; }'

onEveryLane(
  'ten switches of each node’s lane under traffic lose nothing, though the host drops invalid packets',
  async (t, setting) => {
    const { nodes } = await fastCluster(t, setting)
    const [one, two] = nodes
    for (const node of nodes) run(node.ns, 'nft', STRICT)
    const [from, near, far] = [await one.pod('from'), await one.pod('near'), await two.pod('far')]
    const going = await traffic(t, from, [near, far])
    let lane = setting.lane
    for (let n = 0; n < SWITCHES; n++) {
      lane = otherLane(lane)
      for (const node of n % 2 ? [two, one] : [one, two]) {
        await switchLane(node.bench, lane)
        // Meanwhile one node has the one lane and one the other.
        await sleep(60)
      }
    }
    await going.finish()
  },
)

onEveryLane('an agent that is killed and comes again under traffic loses nothing', async (t, setting) => {
  const { nodes } = await fastCluster(t, setting)
  const [one, two] = nodes
  for (const node of nodes) run(node.ns, 'nft', STRICT)
  const [from, near, far] = [await one.pod('from'), await one.pod('near'), await two.pod('far')]
  const going = await traffic(t, from, [near, far])
  for (const node of [one, two]) {
    await node.bench.agent.kill()
    await sleep(100)
    await node.bench.start()
  }
  await going.finish()
})
