import '../lab_name.ts'
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { must } from '../../src/base/result.ts'
import { takeDown } from '../../src/lab/down.ts'
import { breakLab, mendLab } from '../../src/lab/faults/lab_faults.ts'
import { askAgentStatus } from '../../src/lab/status.ts'
import { until } from '../agent/until.ts'
import { bringUp } from '../lab_runs.ts'

after(async () => {
  must(await takeDown())
})

test('a fault that «lab fault» makes is worked around by the agents of both ends, and «none» mends it', async () => {
  await bringUp({ nodes: 3, pods: 0 })
  const whyOf = async (node: string, peer: string) =>
    must(await askAgentStatus(node)).peers.find((p) => p.name === peer)?.why ?? ''
  await until('they know each other', async () => (await whyOf('node1', 'node2')) !== '')
  const fault = { kind: 'mtu', largestBytes: 1300 } as const
  must(await breakLab({ fault, node: 'node1', peer: 'node2', path: undefined }))
  for (const [node, peer] of [
    ['node1', 'node2'],
    ['node2', 'node1'],
  ] as const)
    await until(`${node} works around it`, async () => /MTU 1300/.test(await whyOf(node, peer)), 20_000)
  assert.doesNotMatch(await whyOf('node1', 'node3'), /MTU/, 'the third node is not concerned')
  must(await mendLab())
  await until('it is over', async () => !/MTU/.test(await whyOf('node1', 'node2')), 90_000)
})

test('a node that the lab does not have is named with the nearest', async () => {
  const wrong = await breakLab({ fault: { kind: 'oneway' }, node: 'nod1', peer: undefined, path: undefined })
  assert.match(wrong.ok ? '' : wrong.error.found, /node1/)
})
