// The fast lane on a kernel that is not this machine's: that it is there, the way it is attached, and that it carries.

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { AgentStatus } from '../../src/schema/agent_status.ts'
import { until } from '../agent/until.ts'
import { fastCluster, type Pod } from '../fast_lane/cluster.ts'
import { addressOf, run } from '../guard/cluster.ts'

const kernel = process.env.PODLANE_GUEST_KERNEL ?? 'unnamed'
/** What each of the guests' kernels is there for. */
const facts: Readonly<Record<string, { readonly attached: string; readonly fits: boolean }>> = {
  // Without BPF_F_ADJ_ROOM_DECAP_L3_*, which came with 6.3.
  '6.1': { attached: 'clsact', fits: false },
  '6.12': { attached: 'tcx', fits: true },
}

type Counted = { readonly here: number; readonly toPeer: number; readonly refused: number }

const counted = ({ fastLane, peers }: AgentStatus): Counted => ({
  here: fastLane?.here?.sent.fast.packets ?? 0,
  toPeer: peers[0]?.lane?.sent.fast.packets ?? 0,
  refused: fastLane?.reasons.find((r) => r.name === 'reason_refused')?.packets ?? 0,
})

async function nearAndFar(t: TestContext) {
  const { nodes } = await fastCluster(t, { lane: 'fast', path: 'vxlan', underlay: [4] })
  const [{ bench }, two] = nodes
  const pods = [await bench.pod('from'), await nodes[0].pod('near'), await two.pod('far')] as const
  await until('the path is fast', async () => (await bench.status()).peers[0]?.lane?.lane === 'fast')
  return { bench, pods }
}

const ping = (from: Pick<Pod, 'ns'>, to: Pod, family: 4 | 6): string =>
  run(from.ns, 'ping', '-c4', '-i0.2', '-W5', addressOf(to, family))

test(`the fast lane carries packets of both families on Linux ${kernel}, by ${facts[kernel]?.attached}`, async (t) => {
  const { bench, pods } = await nearAndFar(t)
  const [from, near, far] = pods
  const { fastLane } = await bench.status()
  assert.deepEqual([fastLane?.state, fastLane?.attached], ['on', facts[kernel]?.attached])
  for (const family of [4, 6] as const) {
    const before = counted(await bench.status())
    for (const to of [near, far]) ping(from, to, family)
    const after = counted(await bench.status())
    assert.ok(after.here >= before.here + 4, `IPv${family} beside: ${JSON.stringify([before, after])}`)
    // Out of its tunnel a packet must come on this kernel, or both directions are plain.
    const fits = family === 4 || facts[kernel]?.fits === true
    assert.equal(after.toPeer >= before.toPeer + 4, fits, `IPv${family}: ${JSON.stringify([before, after])}`)
    assert.equal(after.refused > before.refused, !fits, `IPv${family}: ${JSON.stringify([before, after])}`)
  }
  // It would be there if the kernel could not be asked what it translates.
  const unseen = (await bench.status()).fastLane?.reasons.find((r) => r.name === 'reason_unseen')
  assert.equal(unseen?.packets, 0)
})
