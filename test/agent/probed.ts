// Two nodes with an agent each that probe each other: IPv4 by the segment, IPv6 by the tunnel.

import type { TestContext } from 'node:test'
import { must } from '../../src/base/result.ts'
import { askSocket } from '../../src/lab/socket_client.ts'
import { type PathReport, type PeerPaths, parsePathsReport } from '../../src/schema/paths_report.ts'
import { nodeA, nodeB } from './fixtures.ts'
import { join2, NodeBench } from './node_bench.ts'
import { until } from './until.ts'

export type Pair = { readonly a: NodeBench; readonly b: NodeBench }

export async function probedPair(t: TestContext, config: object = {}): Promise<Pair> {
  const nodes = [nodeA, nodeB]
  const a = new NodeBench(t, { name: 'a', nodes, config })
  const b = new NodeBench(t, { name: 'b', nodes, config })
  join2(a.ns, b.ns, { a: ['192.0.2.1/24'], b: ['192.0.2.2/24'] })
  await Promise.all([a.start(), b.start()])
  return { a, b }
}

/** The only peer, as `podlane paths` has it. */
export async function peerOf(node: NodeBench): Promise<PeerPaths> {
  const { peers } = must(parsePathsReport(must(await askSocket(node.socket, 'GET', '/paths')), 'agent'))
  const [peer] = peers
  if (!peer) throw new Error('no peer')
  return peer
}

export async function pathOf(node: NodeBench, kind: PathReport['kind']): Promise<PathReport> {
  const { paths } = await peerOf(node)
  const path = paths.find((p) => p.kind === kind)
  if (!path) throw new Error(`no path ${kind}`)
  return path
}

/** What is wanted of a path; what it was at last is in the error. */
export async function pathBecomes(
  what: string,
  node: NodeBench,
  kind: PathReport['kind'],
  holds: (path: PathReport) => boolean,
  timeoutMs = 20_000,
): Promise<PathReport> {
  let last: PathReport | undefined
  await until(
    what,
    async () => {
      last = await pathOf(node, kind)
      return holds(last)
    },
    timeoutMs,
  ).catch((error: unknown) => {
    throw new Error(`${String(error)}: ${JSON.stringify(last)}`)
  })
  return last as PathReport
}
