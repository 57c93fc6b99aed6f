import assert from 'node:assert/strict'
import { families, fastCluster } from './cluster.ts'
import { onEveryLane, otherLane, switchLane } from './lanes.ts'
import { servedCluster, serviceCases } from './service_cases.ts'
import { protocols, Talk } from './talk.ts'

const SWITCHES = 10

onEveryLane(
  'connections by Services, NodePorts and hostPorts outlive ten switches of the lane',
  async (t, setting) => {
    // kube-proxy's iptables rules drop what conntrack finds invalid.
    const served = await servedCluster(t, await fastCluster(t, setting), 'iptables')
    const cases = families.flatMap((v) =>
      protocols.flatMap((protocol) => serviceCases(served, v, setting.path).map((c) => ({ ...c, protocol }))),
    )
    const open: { talk: Talk; title: string; first: string }[] = []
    for (const { what, seen, ...question } of cases) {
      const talk = await Talk.open(question)
      t.after(() => talk.close())
      const first = await talk.ask('first')
      assert.ok(seen.includes(first), what)
      open.push({ talk, title: `${what}, ${question.protocol}, IPv${talk.family}`, first })
    }
    let lane = setting.lane
    for (let n = 0; n < SWITCHES; n++) {
      lane = otherLane(lane)
      for (const node of served.nodes) {
        await switchLane(node.bench, lane)
        const seen = await Promise.all(
          open.map(({ talk, title }) =>
            talk.ask(`${n}`).catch((why: Error) => assert.fail(`${title}: ${why.message}`)),
          ),
        )
        assert.deepEqual(
          seen,
          open.map((o) => o.first),
        )
      }
    }
  },
)
