// What GET /metrics answers: the status in numbers. No label has more values than kinds of paths, reasons or ranges, so
// a node's series do not grow with the cluster. Pure.

import type { AgentStatus, FastLaneView } from '../schema/agent_status.ts'
import type { Metric, Sample } from '../schema/exposition.ts'
import type { PathTotal } from './path_totals.ts'

/** Of the agent's process. */
export type Usage = { readonly rssBytes: number; readonly cpuSeconds: number }

export const metricsOf = (
  status: AgentStatus,
  totals: readonly PathTotal[],
  usage: Usage,
): readonly Metric[] => [
  ...agentMetrics(status, usage),
  ...clusterMetrics(status),
  ...laneMetrics(status.fastLane),
  ...trafficMetrics(totals),
  counter(
    'podlane_filter_drops_total',
    'Packets dropped by the plain network’s filter, by rule.',
    (status.drops ?? []).map(({ name, packets }) => ({ labels: { rule: name }, value: packets })),
  ),
]

const agentMetrics = (status: AgentStatus, usage: Usage): readonly Metric[] => [
  gauge('podlane_build_info', 'Always 1; the version is a label.', [
    { labels: { version: status.version }, value: 1 },
  ]),
  gauge('podlane_ready', 'Whether pods can start on this node.', one(yes(status.ready.state === 'ready'))),
  gauge(
    'podlane_source_synced',
    'Whether the nodes are known as the source has them.',
    one(yes(status.source.synced)),
  ),
  gauge(
    'podlane_source_up',
    'Whether the source answers; while it does not, what was known last stays.',
    one(yes(status.source.lostSinceMs === undefined)),
  ),
  gauge('podlane_complaints', 'What `podlane status` complains of.', one(status.complaints.length)),
  gauge(
    'process_start_time_seconds',
    'Unix time at which the agent began.',
    one(Date.parse(status.startedAt) / 1000),
  ),
  gauge('process_resident_memory_bytes', 'Memory of the agent.', one(usage.rssBytes)),
  counter('process_cpu_seconds_total', 'CPU time of the agent.', one(usage.cpuSeconds)),
]

function clusterMetrics(status: AgentStatus): readonly Metric[] {
  const peers = Map.groupBy(status.peers, (p) => `${p.path} ${p.lane?.lane ?? 'none'}`)
  return [
    gauge('podlane_pods', 'Pods of this node.', one(status.pods.length)),
    gauge(
      'podlane_pod_addresses',
      'Addresses of this node’s pod ranges. Cooling ones are free, and not handed out yet.',
      status.ranges.flatMap(({ cidr, used, free, coolingDown }) => [
        { labels: { range: cidr, state: 'used' }, value: used },
        { labels: { range: cidr, state: 'free' }, value: free - coolingDown },
        { labels: { range: cidr, state: 'cooling' }, value: coolingDown },
      ]),
    ),
    gauge(
      'podlane_peers',
      'Other nodes, by the kind of path to them and its lane.',
      [...peers].flatMap(([, [first, ...others]]) =>
        first
          ? [{ labels: { path: first.path, lane: first.lane?.lane ?? 'none' }, value: others.length + 1 }]
          : [],
      ),
    ),
  ]
}

function laneMetrics(lane: FastLaneView | undefined): readonly Metric[] {
  if (!lane) return []
  const { flows } = lane
  const table = (established: number | undefined, fresh: number | undefined): Sample[] =>
    established === undefined || fresh === undefined
      ? []
      : [
          { labels: { table: 'working' }, value: established },
          { labels: { table: 'new' }, value: fresh },
        ]
  return [
    gauge('podlane_fast_lane_up', 'Whether the fast lane’s programs stand.', one(yes(lane.state === 'on'))),
    gauge(
      'podlane_fast_lane_wanted',
      'Whether this node’s lane is the fast one.',
      one(yes(lane.lane === 'fast')),
    ),
    gauge(
      'podlane_flows',
      'Flows that are remembered; new ones have no answer yet.',
      table(flows?.entries, flows?.waiting),
    ),
    gauge('podlane_flows_limit', 'Flows that there is room for.', table(flows?.most, flows?.mostWaiting)),
    gauge('podlane_fast_lane_waiting_pods', 'New pods without programs yet.', one(lane.waitingPods ?? 0)),
    counter(
      'podlane_fast_lane_refusals_total',
      'Packets that the fast lane gave to the plain network, or dropped, by reason.',
      lane.reasons.map(({ name, packets }) => ({
        labels: { reason: name.replace(/^reason_/, '') },
        value: packets,
      })),
    ),
  ]
}

function trafficMetrics(totals: readonly PathTotal[]): readonly Metric[] {
  const samples = (of: 'packets' | 'bytes'): Sample[] =>
    totals.map(({ path, lane, direction, ...counts }) => ({
      labels: { path, lane, direction },
      value: counts[of],
    }))
  return [
    counter('podlane_path_packets_total', 'Packets of pods, by kind of path and lane.', samples('packets')),
    counter('podlane_path_bytes_total', 'Bytes of pods, by kind of path and lane.', samples('bytes')),
  ]
}

const gauge = (name: string, help: string, samples: readonly Sample[]): Metric => ({
  name,
  type: 'gauge',
  help,
  samples,
})
const counter = (name: string, help: string, samples: readonly Sample[]): Metric => ({
  name,
  type: 'counter',
  help,
  samples,
})
const one = (value: number): readonly Sample[] => [{ value }]
const yes = (is: boolean): number => (is ? 1 : 0)
