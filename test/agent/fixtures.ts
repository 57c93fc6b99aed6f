// The nodes that most scenarios have: `a` runs the agent, `b` is its peer on the segment.

import type { TestContext } from 'node:test'
import { type TestNamespace, testNamespace } from '../namespaces.ts'
import { type BenchOptions, join2, NodeBench, type NodeFact } from './node_bench.ts'

export const nodeA: NodeFact = {
  name: 'a',
  addresses: ['192.0.2.1'],
  podCIDRs: ['10.244.1.0/24', 'fd00:1::/64'],
}
export const nodeB: NodeFact = {
  name: 'b',
  addresses: ['192.0.2.2'],
  podCIDRs: ['10.244.2.0/24', 'fd00:2::/64'],
}

/** Node `a` with an uplink to an outside where nobody runs an agent; not started yet. */
export function nodeWithOutside(
  t: TestContext,
  options: Partial<BenchOptions> = {},
): { readonly bench: NodeBench; readonly outside: TestNamespace } {
  const bench = new NodeBench(t, { nodes: [nodeA, nodeB], ...options })
  const outside = testNamespace(t)
  join2(bench.ns, outside, { a: ['192.0.2.1/24'], b: ['192.0.2.2/24'] })
  return { bench, outside }
}

/** Two nodes with an agent each: IPv4 goes over the segment, IPv6 (no node has such an address) by the tunnel. */
export async function twoNodes(t: TestContext): Promise<{ readonly a: NodeBench; readonly b: NodeBench }> {
  const nodes = [nodeA, nodeB]
  const a = new NodeBench(t, { name: 'a', nodes })
  const b = new NodeBench(t, { name: 'b', nodes })
  join2(a.ns, b.ns, { a: ['192.0.2.1/24'], b: ['192.0.2.2/24'] })
  await Promise.all([a.start(), b.start()])
  return { a, b }
}
