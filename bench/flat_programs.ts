// Five nodes side by side in memory: one that knows little, one each that knows many nodes, pods or flows, and one that
// knows many of all. They take turns in batches, so what the machine does besides falls on all of them.

import { mkdirSync } from 'node:fs'
import type { IfIndex } from '../src/base/ifindex.ts'
import { getLinkByName, parseLink } from '../src/kernel/netlink/link.ts'
import { withNetnsPath } from '../src/kernel/netns.ts'
import type { Flow } from './flat_frames.ts'
import { type FlatNode, type Links, makeFlatNode } from './flat_node.ts'
import { batchNs, type Direction, emptyBatchNs, runNs, sightOf } from './flat_runs.ts'
import { FEW, flowOf, kindOfPeer, MANY, otherFlows, UPLINK_MAC } from './flat_world.ts'
import { BPF_FOLDER } from './lib/agent_process.ts'
import { run } from './lib/command.ts'
import { type Figure, single } from './lib/figures.ts'
import { inNamespace, makeNamespace } from './lib/node_namespace.ts'
import { ipLines } from './lib/segment.ts'
import { median, spreadOf } from './lib/statistics.ts'

const BATCH = 200
const MOST_NS = 15
const MOST_SHARE = 0.1
const RANDOM_RUNS = 50_000
const DIRECTIONS: readonly Direction[] = ['egress', 'ingress']

/** The one that is measured: over a path of each kind. */
const measured = (peer: number): Flow => flowOf(3, peer, 40_000, 8080)

/** By direction and path, what a packet costs each node: one number a batch, of the same batches. */
type Costs = Map<string, { readonly ns: ReadonlyMap<string, number[]>; readonly empty: number[] }>

/**
 * @param loads how often the nodes are made anew: where a program and a table come to lie in memory decides over some
 *   ten nanoseconds, and stays as it is until the next load
 */
export function flatProgramFigures(batches: number, loads: number): readonly Figure[] {
  mkdirSync(BPF_FOLDER)
  run('mount', '-t', 'bpf', 'bpf', BPF_FOLDER)
  const netns = makeNamespace('flat')
  const links = makeLinks(netns)
  return withNetnsPath(netns, () => {
    const costs: Costs = new Map()
    const random = new Map<string, number[]>()
    for (let load = 0; load < loads; load++) {
      const nodes = makeNodes(links)
      measureKnown(nodes, links, Math.ceil(batches / loads), costs)
      measureRandom(nodes, links, Math.ceil(RANDOM_RUNS / loads), random)
      for (const node of nodes) node.close()
      console.error(`measured: ${load + 1} of ${loads} loads`)
    }
    run('umount', BPF_FOLDER)
    return [
      ...[...costs].flatMap(([name, { ns, empty }]) => comparison(name, ns, median(empty))),
      ...[...random].map(([name, ns]) => ({ name: `${name}.random.ns`, unit: 'ns', ...spreadOf(ns) })),
    ]
  })
}

function makeLinks(netns: string): Links {
  ipLines(netns, [
    'link add pod0 type veth peer name eth0',
    `link set eth0 address ${UPLINK_MAC}`,
    'link set pod0 up',
    'link set eth0 up',
  ])
  const indexOf = (name: string): IfIndex =>
    inNamespace(netns, (socket) => {
      const read = socket.request(getLinkByName(name))
      const reply = read.ok ? read.replies[0] : undefined
      if (!reply) throw new Error(`no link ${name}`)
      return parseLink(reply).index
    })
  return { pod: indexOf('pod0'), uplink: indexOf('eth0') }
}

function makeNodes(links: Links): readonly FlatNode[] {
  const few = otherFlows(MANY.flows, FEW.nodes, FEW.pods)
  const many = otherFlows(MANY.flows, MANY.nodes, MANY.pods)
  const sizes = [
    { name: 'small', ...FEW, flows: [] },
    { name: 'nodes', ...FEW, nodes: MANY.nodes, flows: [] },
    { name: 'pods', ...FEW, pods: MANY.pods, flows: [] },
    { name: 'flows', ...FEW, flows: few },
    { name: 'all', ...MANY, flows: many },
  ]
  return sizes.map((size) => {
    const node = makeFlatNode(size, links)
    node.remember([measured(0), measured(1)])
    console.error(`stands: ${size.name}, filled in ${Math.round(node.fillMs)} ms, ${node.count()} flows`)
    return node
  })
}

function measureKnown(nodes: readonly FlatNode[], links: Links, batches: number, costs: Costs): void {
  const [small] = nodes
  if (!small) return
  for (const direction of DIRECTIONS)
    for (const peer of [0, 1]) {
      const name = `${direction}.${kindOfPeer(peer)}`
      const known = costs.get(name) ?? { ns: new Map(nodes.map((node) => [node.name, []])), empty: [] }
      costs.set(name, known)
      for (let batch = 0; batch < batches; batch++) {
        for (let i = 0; i < nodes.length; i++) {
          const node = nodes[(i + batch) % nodes.length]
          if (node)
            known.ns.get(node.name)?.push(batchNs(sightOf(node, measured(peer), direction, links), BATCH))
        }
        known.empty.push(emptyBatchNs(small, sightOf(small, measured(peer), direction, links), BATCH))
      }
    }
}

/** Differences to the small node of the same round; the stopwatch's own time is in both and goes out. */
function comparison(
  name: string,
  ns: ReadonlyMap<string, readonly number[]>,
  empty: number,
): readonly Figure[] {
  const small = ns.get('small') ?? []
  const cost = median(small) - empty
  const goal = { atMost: Math.round(Math.max(MOST_NS, cost * MOST_SHARE)) }
  return [
    { name: `${name}.small.ns`, unit: 'ns', ...spreadOf(small) },
    { name: `${name}.stopwatch.ns`, unit: 'ns', ...single(empty) },
    ...[...ns]
      .filter(([size]) => size !== 'small')
      .map(([size, values]) => ({
        name: `${name}.${size}.more.ns`,
        unit: 'ns',
        ...spreadOf(values.map((value, i) => value - (small[i] ?? Number.NaN))),
        goal,
      })),
  ]
}

/** Each run takes another of all flows: whatever of the maps it needs is in no near cache. */
function measureRandom(
  nodes: readonly FlatNode[],
  links: Links,
  runs: number,
  random: Map<string, number[]>,
): void {
  const all = nodes.find((node) => node.name === 'all')
  if (!all) return
  for (const direction of DIRECTIONS)
    for (const peer of [0, 1]) {
      const flows = all.flows.filter((flow) => flow.peer % 2 === peer)
      const name = `${direction}.${kindOfPeer(peer)}`
      const ns = random.get(name) ?? []
      random.set(name, ns)
      for (let i = 0; i < runs; i++) {
        // Steps of a prime: as good as random for caches, and each flow once.
        const flow = flows[(i * 99_991) % flows.length]
        if (flow) ns.push(runNs(sightOf(all, flow, direction, links)))
      }
    }
}
