// The answer to GET /paths: what is planned, what the lanes carry and what the probes have found, put together. Pure.

import type { PathLane } from '../apply/fast_lane_contract.ts'
import type { Cidr } from '../base/cidr.ts'
import { betterPath } from '../explain/paths/better.ts'
import { pathFaults } from '../explain/paths/faults.ts'
import type { PathMeasures } from '../observe/probes/prober.ts'
import type { PathKind } from '../plan/peers.ts'
import type { Config } from '../schema/config.ts'
import type { PathReport, PathsReport, PeerPaths } from '../schema/paths_report.ts'
import type { PathCost } from '../schema/profile_report.ts'
import { laneOf } from './fast_lane_view.ts'
import type { PlannedPaths } from './kernel_protocol.ts'
import { rateKey } from './path_rates.ts'

/** As the stage profile has it, of the last interval that it looked at. */
export type PacketCost = Pick<PathCost, 'path' | 'lane' | 'nsPerPacket'>

export type PathsInput = {
  readonly pathMode: Config['pathMode']
  readonly peers: readonly PlannedPaths[]
  readonly uplinkMtuBytes: number
  readonly lanes: readonly PathLane[]
  /** Packets a second by `rateKey`. */
  readonly rates: ReadonlyMap<string, number>
  readonly measures: readonly PathMeasures[]
  readonly costs: readonly PacketCost[]
}

export function pathsReport(input: PathsInput): PathsReport {
  const lanes = Map.groupBy(input.lanes, (l) => l.peer)
  const measures = Map.groupBy(input.measures, (m) => m.peer)
  return {
    peers: input.peers.map((peer) => {
      const own = measures.get(peer.name) ?? []
      return peerPaths(peer, lanes.get(peer.name) ?? [], (kind) => own.find((m) => m.kind === kind), input)
    }),
  }
}

type MeasuresOf = (kind: PathKind) => PathMeasures | undefined

function peerPaths(
  peer: PlannedPaths,
  lanes: readonly PathLane[],
  measuresOf: MeasuresOf,
  input: PathsInput,
): PeerPaths {
  const kinds = (['direct', 'vxlan'] as const).filter((kind) => {
    // A tunnel device may stand here and not there: that one nobody needs.
    const reach = measuresOf(kind)?.reach ?? 'unknown'
    return isUsed(peer, kind) || (kind === 'direct' ? measuresOf(kind) !== undefined : reach !== 'unknown')
  })
  return {
    peer: peer.name,
    address: peer.address,
    ...(peer.workaround === undefined ? {} : { workaround: peer.workaround }),
    faults: kinds.flatMap((kind) => {
      const measures = measuresOf(kind)
      return measures ? pathFaults(measures) : []
    }),
    paths: kinds.map((kind) => pathReport(peer, kind, lanes, measuresOf, input)),
  }
}

function pathReport(
  peer: PlannedPaths,
  kind: PathKind,
  lanes: readonly PathLane[],
  measuresOf: MeasuresOf,
  { pathMode, rates, uplinkMtuBytes, costs }: PathsInput,
): PathReport {
  const inUse = isUsed(peer, kind)
  const isOfKind = (cidr: Cidr): boolean => peer.ranges.some((r) => r.cidr === cidr && r.path === kind)
  const own = lanes.filter((l) => l.ranges.some(isOfKind))
  const lane = inUse && own.length > 0 ? laneOf(own) : undefined
  const measures = measuresOf(kind)
  const mtuBytes = measures?.mtuBytes ?? peer.ranges.find((r) => r.path === kind)?.mtuBytes ?? uplinkMtuBytes
  const cost = costs.find((c) => c.path === kind && c.lane === lane?.lane)
  const better = {
    kind,
    pathMode,
    mtuBytes,
    lane: lane?.lane,
    laneWhy: lane?.why ?? '',
    isOnSegment: peer.onLink.length > 0,
    trueMtuBytes: measures?.trueMtuBytes,
    isBroken: wellness(measures) === false,
    isDirectWell: wellness(measuresOf('direct')),
  }
  return {
    kind,
    inUse,
    ...(lane ? { lane: lane.lane } : {}),
    why: whyOf(peer, kind, inUse, pathMode),
    mtuBytes,
    ...measured(measures),
    packetsPerSecond: Math.round(own.reduce((n, l) => n + (rates.get(rateKey(l)) ?? 0), 0) * 10) / 10,
    ...(cost ? { nsPerPacket: cost.nsPerPacket } : {}),
    ...(inUse ? { better: betterPath(better) } : {}),
  }
}

type Measured = Pick<PathReport, 'trueMtuBytes' | 'rttUs' | 'loss' | 'checksum' | 'large' | 'reach'>

function measured(m: PathMeasures | undefined): Measured {
  if (!m) return { checksum: 'unknown', large: 'unknown', reach: 'unknown' }
  return {
    reach: m.reach,
    ...(m.trueMtuBytes === undefined ? {} : { trueMtuBytes: m.trueMtuBytes }),
    ...(m.rttUs ? { rttUs: m.rttUs } : {}),
    ...(m.loss === undefined || m.reach === 'unknown' ? {} : { loss: m.loss }),
    checksum: m.checksum,
    large: m.large,
  }
}

const isUsed = (peer: PlannedPaths, kind: PathKind): boolean => peer.ranges.some((r) => r.path === kind)

function wellness(m: PathMeasures | undefined): boolean | undefined {
  if (!m || m.reach === 'unknown') return undefined
  return m.reach === 'both'
}

function whyOf(peer: PlannedPaths, kind: PathKind, inUse: boolean, pathMode: Config['pathMode']): string {
  if (!inUse) return kind === 'direct' && pathMode === 'vxlan' ? peer.why : 'measured, in case it is needed'
  if (kind === peer.path) return peer.why
  return `for ${peer.ranges.flatMap((r) => (r.path === kind ? [r.cidr] : [])).join(' ')}`
}
