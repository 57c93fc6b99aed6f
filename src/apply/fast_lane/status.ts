// What the fast lane says of itself: each path's lane, why it is plain, what went over it, and how full its tables are.

import type { Fault } from '../../base/result.ts'
import type { BpfMap } from '../../kernel/bpf/map.ts'
import { runSyscallProgram } from '../../kernel/bpf/test_run.ts'
import type { FastLanePlan, FastPath, Lane } from '../../plan/fast_lane.ts'
import type { Config } from '../../schema/config.ts'
import {
  type CountedPath,
  type FastLaneStatus,
  type FlowCount,
  type PathLane,
  type PeerLane,
  type PodTraffic,
  plainOnly,
} from '../fast_lane_contract.ts'
import { layouts, PATH_LOCAL } from './abi.ts'
import { noPackets, readPackets, readPathCount, readPathCounts, readPodCount, readReasons } from './counts.ts'
import type { Opened } from './fast_lane.ts'

export type LaneFacts = {
  /** Undefined before the first reconcile. */
  readonly plan: FastLanePlan | undefined
  readonly fault: Fault | undefined
  readonly flows: FlowCount | undefined
  /** What the config says. */
  readonly configured: Lane
}

export function laneStatus(opened: Opened | undefined, facts: LaneFacts): FastLaneStatus {
  const { plan, fault, flows, configured } = facts
  const counts = opened?.maps.get('path_counts')
  const reasons = opened?.maps.get('reasons')
  if (!opened || !counts || !reasons) return { ...plainOnly.status(), fault }
  const lane = plan?.lane ?? opened.lanes.wish(undefined) ?? configured
  return {
    fault: undefined,
    lane,
    why: lane === 'fast' ? '' : whyWished(opened, undefined, configured),
    asked: opened.lanes.wish(undefined),
    attached: opened.attachments.way,
    here: readPathCount(counts, PATH_LOCAL),
    waitingPods: opened.pods.waiting,
    peers: peerLanes(opened, facts, counts),
    flows,
    reasons: readReasons(reasons),
  }
}

type Planned = Pick<LaneFacts, 'plan' | 'configured'>

export function countedPaths(opened: Opened, planned: Planned): readonly CountedPath[] {
  const counts = opened.maps.get('path_counts')
  if (!counts) return []
  const paths = placedPaths(opened, planned)
  const all = readPackets(counts, placesOf(paths))
  return paths.map(({ index, path }) => ({ ...path, packets: all[index] ?? 0 }))
}

function peerLanes(opened: Opened, planned: Planned, counts: BpfMap): readonly PeerLane[] {
  const paths = placedPaths(opened, planned)
  const all = readPathCounts(counts, placesOf(paths))
  return paths.map(({ index, path }) => ({ ...path, counts: all[index] ?? noPackets }))
}

type Placed = { readonly index: number; readonly path: PathLane }

/** By their indexes in the programs' maps; one that found no place in the table is in no map. */
function placedPaths(opened: Opened, { plan, configured }: Planned): readonly Placed[] {
  const isMoved = opened.paths.moved()
  return (plan?.paths ?? []).flatMap((path) => {
    const index = opened.paths.indexOf(path)
    if (index === undefined) return []
    const lane = laneNow(opened, path, configured, isMoved)
    return { index, path: { peer: path.peer, ranges: path.ranges, ...lane } }
  })
}

const placesOf = (paths: readonly Placed[]): number =>
  paths.reduce((most, { index }) => Math.max(most, index + 1), 0)

function laneNow(
  opened: Opened,
  path: FastPath,
  configured: Lane,
  isMoved: (path: FastPath) => boolean,
): Pick<PathLane, 'lane' | 'why'> {
  if (path.lane === 'plain')
    return { lane: 'plain', why: path.why || whyWished(opened, path.peer, configured) }
  return isMoved(path)
    ? { lane: 'plain', why: `${path.hop?.ip} was seen with another MAC; looked at again within a minute` }
    : { lane: 'fast', why: '' }
}

/** The nearest wish counts: of the peer, of the node, of the config. */
function whyWished(opened: Opened, peer: string | undefined, configured: Lane): string {
  if (peer !== undefined && opened.lanes.wish(peer) === 'plain')
    return `asked for by «podlane lane plain --peer ${peer}»`
  if (opened.lanes.wish(undefined) === 'plain') return 'asked for by «podlane lane plain»'
  return configured === 'plain' ? 'the config says «lane: plain»' : 'asked for until a moment ago'
}

export function podCounts({ maps, pods }: Opened): readonly PodTraffic[] {
  const counts = maps.get('pod_counts')
  if (!counts) return []
  return pods.counted.map(([{ link, addresses }, slot]) => ({
    ifindex: link.index,
    addresses,
    counts: readPodCount(counts, slot),
  }))
}

/** Counts the flow table, and takes out of it what is void. Undefined if the program cannot run. */
export function sweepFlows(opened: Opened, room: Config['fastLane']): FlowCount | undefined {
  const program = opened.programs.get('sweep')
  const context = Buffer.alloc(layouts.sweep.size)
  if (!program || !runSyscallProgram(program.fd, context).ok) return undefined
  const { flows, half_open } = layouts.sweep
  return {
    entries: context.readUInt32LE(flows.at),
    most: room.flows,
    waiting: context.readUInt32LE(half_open.at),
    mostWaiting: room.newFlows,
  }
}
