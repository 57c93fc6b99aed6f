import '../lab_name.ts'
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { must } from '../../src/base/result.ts'
import { takeDown } from '../../src/lab/down.ts'
import { breakLab, type LabFault, mendLab } from '../../src/lab/faults/lab_faults.ts'
import { agentSocket } from '../../src/lab/paths.ts'
import { askSocket } from '../../src/lab/socket_client.ts'
import { askAgentStatus } from '../../src/lab/status.ts'
import { parsePathsReport } from '../../src/schema/paths_report.ts'
import { until } from '../agent/until.ts'
import { bringUp } from '../lab_runs.ts'

after(async () => {
  must(await takeDown())
})

type Laid = LabFault & { readonly peer: string; readonly says: RegExp; readonly named: RegExp }

/** On two segments of two nodes each: a fault of each kind, at a node of its own. */
const laid: readonly Laid[] = [
  {
    ...{ node: 'node1', peer: 'node2', path: undefined, says: /MTU 1300/, named: /vanish without a word/ },
    fault: { kind: 'mtu', largestBytes: 1300 },
  },
  {
    ...{
      node: 'node3',
      peer: 'node4',
      path: 'direct',
      says: /VXLAN instead/,
      named: /does not hear this node|hears this node .* is not heard|nothing comes through/,
    },
    fault: { kind: 'oneway' },
  },
  {
    ...{
      node: 'node2',
      peer: 'node3',
      path: 'vxlan',
      says: /checksums by the stack/,
      named: /arrive with a wrong one/,
    },
    fault: { kind: 'checksum' },
  },
]
/** The time itself is printed, and told in docs/design/measuring.md; here a machine may be busy. */
const PATIENCE_MS = 30_000

async function isWell(node: string, peer: string): Promise<boolean> {
  const answer = await askSocket(agentSocket(node), 'GET', '/paths')
  const { peers } = must(parsePathsReport(must(answer), node))
  const paths = peers.find((p) => p.peer === peer)?.paths.filter((p) => p.inUse) ?? []
  return paths.length > 0 && paths.every((p) => p.reach === 'both' && p.checksum === 'ok' && p.large === 'ok')
}

test('each fault that «lab fault» makes is named and worked around at the ends that it concerns, and «none» mends it', async (t) => {
  await bringUp({ nodes: 4, pods: 0, segments: 2 })
  const whyOf = async (node: string, peer: string) =>
    must(await askAgentStatus(node)).peers.find((p) => p.name === peer)?.why ?? ''
  // A device that spoils what leaves it is its own node's matter: once that helps itself the other end sees nothing.
  const endsOf = (each: Laid) =>
    [each, { ...each, node: each.peer, peer: each.node }].slice(0, each.fault.kind === 'checksum' ? 1 : 2)
  const ends = laid.flatMap(endsOf)
  for (const { node, peer } of ends)
    await until(`${node} has seen that ${peer} is well`, () => isWell(node, peer), 30_000)
  await Promise.all(
    laid.map(async (each) => {
      must(await breakLab(each))
      const atMs = performance.now()
      const cured = async ({ node, peer, says }: Laid): Promise<void> => {
        const isCured = async () => says.test(await whyOf(node, peer))
        await until(`${node} works around ${each.fault.kind}`, isCured, PATIENCE_MS)
        t.diagnostic(`${each.fault.kind}: ${node} after ${Math.round(performance.now() - atMs)} ms`)
      }
      await Promise.all(endsOf(each).map(cured))
    }),
  )
  for (const { node, peer, says, named } of ends) {
    const complaints = must(await askAgentStatus(node)).complaints.map((c) => `${c.object}: ${c.found}`)
    assert.ok(
      complaints.some((c) => c.startsWith(`path to ${peer} `) && named.test(c)),
      `${node} complains of the path to ${peer}: ${complaints}`,
    )
    assert.match(await whyOf(node, peer), says)
  }
  assert.notEqual(await whyOf('node1', 'node4'), '')
  assert.doesNotMatch(await whyOf('node1', 'node4'), /MTU|instead|stack/, 'that pair is not concerned')
  must(await mendLab())
  // The quickest to be believed; probed.test.ts waits for the end of each.
  for (const { node, peer, says, fault } of ends)
    if (fault.kind === 'oneway')
      await until(`${node} to ${peer} is over`, async () => !says.test(await whyOf(node, peer)), 60_000)
})

test('a node that the lab does not have is named with the nearest', async () => {
  const wrong = await breakLab({ fault: { kind: 'oneway' }, node: 'nod1', peer: undefined, path: undefined })
  assert.match(wrong.ok ? '' : wrong.error.found, /node1/)
})
