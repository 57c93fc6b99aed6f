// The fast lane's part of GET /status. Pure.

import type { FastLaneStatus, PathLane, PeerLane, PodTraffic } from '../apply/fast_lane_contract.ts'
import type { Fault } from '../base/result.ts'
import type { PassedRules } from '../observe/passed_rules.ts'
import type { FastLaneView, LaneTraffic, PeerStatus } from '../schema/agent_status.ts'

/** From here on flows may be forgotten while they are in use, and decided again. */
const HIGH_PRESSURE_PERCENT = 80

export function fastLaneView(status: FastLaneStatus, hostRules: readonly PassedRules[]): FastLaneView {
  const { fault, attached, here, flows, asked, lane, why, reasons } = status
  return {
    state: fault ? 'off' : 'on',
    ...(fault ? { fault: complaintOf(fault) } : {}),
    ...(attached ? { attached } : {}),
    lane,
    why,
    ...(asked ? { asked } : {}),
    ...(here ? { here } : {}),
    ...(flows ? { flows: { ...flows, pressurePercent: percent(flows) } } : {}),
    ...(status.waitingPods > 0 ? { waitingPods: status.waitingPods } : {}),
    reasons: [...reasons],
    // Without fast packets there are none that pass the rules by.
    hostRules: isFastAnywhere(status) ? [...hostRules] : [],
  }
}

/** By the peer's name. */
export function peerLanes({ peers }: FastLaneStatus): ReadonlyMap<string, PeerStatus['lane']> {
  return new Map(
    [...Map.groupBy(peers, (p) => p.peer)].map(([name, paths]) => [
      name,
      { ...laneOf(paths), ...sum(paths) },
    ]),
  )
}

export const complaintOf = ({ object, wanted, found, next }: Fault) => ({ object, wanted, found, next })

/** What `status` should complain of. */
export function pressureFaults({ flows }: FastLaneStatus): readonly Fault[] {
  if (!flows || percent(flows) <= HIGH_PRESSURE_PERCENT) return []
  return [
    {
      kind: 'flow-table',
      object: 'flow table of the fast lane',
      wanted: `room: at most ${HIGH_PRESSURE_PERCENT} % of its ${flows.most} places taken`,
      found: `${flows.entries} flows (${percent(flows)} %)`,
      next: `raise fastLane.flows in the config (now ${flows.most}) and restart the agent; no flow is lost by that`,
    },
  ]
}

const isFastAnywhere = (status: FastLaneStatus): boolean =>
  status.lane === 'fast' || status.peers.some((p) => p.lane === 'fast')

const percent = ({ entries, most }: NonNullable<FastLaneStatus['flows']>): number =>
  Math.round((entries / most) * 100)

/** Of all paths together. */
export function laneOf(paths: readonly PathLane[]): Pick<NonNullable<PeerStatus['lane']>, 'lane' | 'why'> {
  const plain = paths.filter((p) => p.lane === 'plain')
  const whys = new Set(plain.map((p) => p.why))
  if (plain.length === 0) return { lane: 'fast', why: '' }
  if (plain.length === paths.length) return { lane: 'plain', why: [...whys].join('; ') }
  return { lane: 'mixed', why: plain.map((p) => `${p.ranges.join(' ')} plain: ${p.why}`).join('; ') }
}

const sum = (paths: readonly PeerLane[]): LaneTraffic => ({
  sent: summed(paths.map((p) => p.counts.sent)),
  received: summed(paths.map((p) => p.counts.received)),
})

/** By whatever course. */
export const podTraffic = ({ counts }: PodTraffic): LaneTraffic => ({
  sent: summed(Object.values(counts.sent)),
  received: summed(Object.values(counts.received)),
})

function summed(counts: readonly LaneTraffic['sent'][]): LaneTraffic['sent'] {
  const of = (lane: 'fast' | 'plain') => ({
    packets: counts.reduce((n, c) => n + c[lane].packets, 0),
    bytes: counts.reduce((n, c) => n + c[lane].bytes, 0),
  })
  return { fast: of('fast'), plain: of('plain') }
}
