// From pod to pod over the tunnel, between two nodes that know little and two that know much, with the same room in
// their tables. Both pairs stand side by side and are visited in the order A B B A.

import { existsSync, mkdirSync } from 'node:fs'
import { cpus } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { IfIndex } from '../src/base/ifindex.ts'
import { must } from '../src/base/result.ts'
import { openPinnedMap } from '../src/kernel/bpf/map.ts'
import { writeFlows } from './flat_flows.ts'
import { FLOW_ROOM, flowMaps, writePods } from './flat_node.ts'
import { flatPods, MANY, otherFlows, peerAddress, remoteRange } from './flat_world.ts'
import { BPF_FOLDER } from './lib/agent_process.ts'
import { run } from './lib/command.ts'
import { type Figure, single } from './lib/figures.ts'
import { ipLines, makeSegment, type Node } from './lib/segment.ts'
import { medianInterval, spreadOf } from './lib/statistics.ts'
import { measureTraffic, ownRateOf, rateOf, type Sample } from './lib/traffic.ts'
import { type Build, type Candidate, type More, makeCandidate, podlane } from './paths_candidates.ts'
import { checkLane } from './paths_lane.ts'
import { checkPaths } from './paths_rounds.ts'

const ROUTER = '192.168.255.254'
const MS = 60
const CORE = cpus().length - 1
const TOLERANCE = 0.03
/** Far away: pods that nothing is sent to. */
const NOBODY = 1 as IfIndex
const PAUSE_MS = 200

export async function flatPairFigures(rounds: number): Promise<readonly Figure[]> {
  mkdirSync(BPF_FOLDER, { recursive: true })
  run('mount', '-t', 'bpf', 'bpf', BPF_FOLDER)
  const segment = makeSegment()
  ipLines(segment.path, [`address add ${ROUTER}/16 dev br0`])
  const config = `fastLane: { flows: ${FLOW_ROOM} }\n`
  const nodes = Array.from({ length: MANY.nodes - 2 }, (_, i) => nodeLine(i))
  const little = await makeCandidate(segment, 'fast-little', 1, routed({ config }))
  const much = await makeCandidate(segment, 'fast-much', 2, routed({ config, nodes, ready: allRanges }))
  for (const node of much.nodes) fill(node)
  const both = [little, much]
  checkPaths(both)
  // New pods get their programs when no ADD waits.
  await sleep(1_000)
  checkLane(both, 'at the start')
  const figures = compare(little, much, rounds)
  for (const node of much.nodes) checkFull(node)
  return figures
}

const nodeLine = (peer: number): string =>
  `- { name: far-${peer}, addresses: [${peerAddress(peer)}], podCIDRs: [${remoteRange(peer)}] }\n`

/** The far nodes are behind a router, whose MAC is known: their paths are fast ones too. */
const routed =
  (more: More): Build =>
  async (pair) => {
    for (const { node } of pair) ipLines(node.path, [`route add default via ${ROUTER}`])
    return podlane('fast', 'vxlan', more)(pair)
  }

const folderOf = (node: Node): string => `${BPF_FOLDER}/${node.name}-agent`

/** The agent takes calls before it has its maps. */
async function allRanges(node: Node): Promise<void> {
  while (!existsSync(`${folderOf(node)}/maps/ranges`) || rangesOf(node) < MANY.nodes - 1)
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
}

function rangesOf(node: Node): number {
  const ranges = must(openPinnedMap(`${folderOf(node)}/maps/ranges`))
  const count = ranges ? [...ranges.entries()].length : 0
  ranges?.close()
  return count
}

function fill(node: Node): void {
  const maps = flowMaps(folderOf(node))
  writePods(folderOf(node), flatPods(MANY.pods, NOBODY))
  writeFlows(maps, otherFlows(MANY.flows, MANY.nodes - 2, MANY.pods), NOBODY)
  console.error(`filled: ${node.name}`)
}

/** Of many flows so many must still be there: an address that changes meanwhile voids some 240 of them. */
const ENOUGH = 0.99

/** What the agent has swept away since was not valid, and nothing was measured. */
function checkFull(node: Node): void {
  const left = [...flowMaps(folderOf(node)).flows.entries()].length
  if (left < MANY.flows * ENOUGH) throw new Error(`${node.name}: of ${MANY.flows} flows ${left} are left`)
}

function compare(little: Candidate, much: Candidate, rounds: number): readonly Figure[] {
  const visit = ({ ends }: Candidate): Sample => measureTraffic('rr', ends, MS, [CORE, CORE])
  const turns = Array.from({ length: rounds }, () => [little, much, much, little].map(visit))
  const ratios = (rate: (sample: Sample) => number): number[] =>
    turns.map((samples) => {
      const [a, b, c, d] = samples.map(rate)
      return ((b ?? Number.NaN) + (c ?? Number.NaN)) / ((a ?? Number.NaN) + (d ?? Number.NaN))
    })
  return [...ratioFigures('rr', ratios(rateOf), true), ...ratioFigures('rr.by-cpu', ratios(ownRateOf), false)]
}

/** Flat, as far as can be told: the interval meets 1 ± 0.03. */
function ratioFigures(name: string, ratios: readonly number[], judged: boolean): readonly Figure[] {
  const [low, high] = medianInterval(ratios)
  const bound = (which: string, value: number, goal: Figure['goal']): Figure => ({
    ...{ name: `${name}.${which}`, unit: 'ratio', ...single(value) },
    ...(judged && goal ? { goal } : {}),
  })
  return [
    { name: `${name}.much`, unit: 'ratio', ...spreadOf(ratios) },
    bound('low95', low, { atMost: 1 + TOLERANCE }),
    bound('high95', high, { atLeast: 1 - TOLERANCE }),
  ]
}
