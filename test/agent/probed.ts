// Two nodes with an agent each that probe each other: IPv4 by the segment, IPv6 by the tunnel.

import type { TestContext } from 'node:test'
import { must } from '../../src/base/result.ts'
import { askSocket } from '../../src/lab/socket_client.ts'
import { type PathReport, type PeerPaths, parsePathsReport } from '../../src/schema/paths_report.ts'
import type { TestNamespace } from '../namespaces.ts'
import { run, shell } from './dump.ts'
import { nodeA, nodeB } from './fixtures.ts'
import { join2, NodeBench, type NodeFact } from './node_bench.ts'
import { start } from './programs.ts'
import { until } from './until.ts'

export type Pair = { readonly a: NodeBench; readonly b: NodeBench }

/** @param wire what lies between them */
export async function probedPair(
  t: TestContext,
  config: object = {},
  wire: (pair: Pair) => void = wireDirectly,
  nodes: readonly NodeFact[] = [nodeA, nodeB],
): Promise<Pair> {
  const a = new NodeBench(t, { name: 'a', nodes, config })
  const b = new NodeBench(t, { name: 'b', nodes, config })
  wire({ a, b })
  await Promise.all([a.start(), b.start()])
  return { a, b }
}

const wireDirectly = ({ a, b }: Pair): void => join2(a.ns, b.ns, { a: ['192.0.2.1/24'], b: ['192.0.2.2/24'] })

/** A switch in the middle, which drops what is too large for its ports and tells nobody. */
export function wireBySwitch(middle: TestNamespace, mtuBytes: number): (pair: Pair) => void {
  return ({ a, b }) => {
    join2(a.ns, middle, { a: ['192.0.2.1/24'], b: [] }, { a: 'eth0', b: 'to-a' })
    join2(b.ns, middle, { a: ['192.0.2.2/24'], b: [] }, { a: 'eth0', b: 'to-b' })
    run(middle, 'ip', 'link', 'add', 'switch', 'type', 'bridge')
    // Or it would cut packets as a router does.
    shell(middle, 'sysctl -qw net.bridge.bridge-nf-call-iptables=0 2> /dev/null || true')
    for (const port of ['to-a', 'to-b'])
      run(middle, 'ip', 'link', 'set', port, 'mtu', `${mtuBytes}`, 'master', 'switch', 'up')
    run(middle, 'ip', 'link', 'set', 'switch', 'up')
  }
}

/** What comes in by a device meets this first. */
export const filter = (ns: TestNamespace, device: string, rule: string): string =>
  run(
    ns,
    'nft',
    `table netdev test {
       chain first {
         type filter hook ingress device "${device}" priority 0
         ${rule}
       }
     }`,
  )
export const unfilter = (ns: TestNamespace): string => run(ns, 'nft', 'delete table netdev test')

/** The largest packet with DF that an echo request brings over. */
export async function passing(
  t: TestContext,
  ns: TestNamespace,
  to: string,
  fromBytes: number,
  toBytes: number,
): Promise<number> {
  const tried = `ping -c1 -W1 -M do -s $((size - 28)) ${to} > /dev/null 2>&1`
  const script = `for size in $(seq ${toBytes} -1 ${fromBytes}); do ${tried} && echo $size && exit; done`
  const search = start(t, ns, 'sh', '-c', script)
  await search.ended
  return Number(search.output())
}

/** The other one of the two, as `podlane paths` has it. */
export async function peerOf(node: NodeBench): Promise<PeerPaths> {
  const { peers } = must(parsePathsReport(must(await askSocket(node.socket, 'GET', '/paths')), 'agent'))
  const peer = peers.find((p) => p.peer === 'a' || p.peer === 'b')
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
