// What the agent says of itself: the answer to GET /status.

import type { FastLaneStatus, PodTraffic } from '../apply/fast_lane_contract.ts'
import type { Fault } from '../base/result.ts'
import type { HostPort, Readiness } from '../cni/network.ts'
import type { RangeCount } from '../ipam/pool.ts'
import type { Drop } from '../observe/drops.ts'
import type { PassedRules } from '../observe/passed_rules.ts'
import type { Peer } from '../plan/peers.ts'
import type { AgentStatus } from '../schema/agent_status.ts'
import type { Endpoint } from '../state/endpoint.ts'
import type { Tables } from '../state/tables.ts'
import { complaintOf, fastLaneView, peerLanes, podTraffic, pressureFaults } from './fast_lane_view.ts'
import type { AgentReport } from './kernel_protocol.ts'

export type StatusInput = {
  readonly version: string
  readonly nodeName: string
  readonly startedAtMs: number
  readonly tables: Tables
  readonly ready: Readiness
  readonly report: AgentReport | undefined
  readonly peers: readonly Peer[]
  readonly counts: readonly RangeCount[]
  readonly endpoints: readonly Endpoint[]
  readonly hostPortsOf: (endpoint: Endpoint) => readonly HostPort[]
  /** Of the host's surroundings: what is in the way. */
  readonly surroundings: readonly Fault[]
  readonly features: Readonly<Record<string, string>>
  readonly drops: readonly Drop[]
  readonly fastLane: FastLaneStatus
  readonly podCounts: readonly PodTraffic[]
  /** The host's forward rules. */
  readonly passed: readonly PassedRules[]
}

/** What tells packets: the part that is asked for often. */
export type CountsInput = Pick<
  StatusInput,
  'peers' | 'fastLane' | 'podCounts' | 'endpoints' | 'tables' | 'hostPortsOf'
>
export type CountsView = Pick<AgentStatus, 'pods' | 'peers' | 'fastLane'>

export const countsView = (input: CountsInput): CountsView => ({
  pods: podStatuses(input),
  peers: peerStatuses(input),
  fastLane: fastLaneView(input.fastLane, []),
})

export function agentStatus(input: StatusInput): AgentStatus {
  const { report, tables } = input
  const { lostSinceMs, ...source } = tables.source
  return {
    version: input.version,
    nodeName: input.nodeName,
    startedAt: new Date(input.startedAtMs).toISOString(),
    source: lostSinceMs === undefined ? source : { ...source, lostSinceMs },
    ready:
      input.ready.state === 'ready'
        ? { state: 'ready' }
        : { state: 'not-ready', why: input.ready.why, next: input.ready.next },
    uplink: report?.uplink
      ? {
          name: report.uplink.name,
          mtuBytes: report.uplink.mtuBytes,
          addresses: report.uplink.addresses.map((a) => `${a.ip}/${a.prefixLength}`),
        }
      : null,
    ranges: input.counts.map(({ cidr, used, free, coolingDown }) => ({ cidr, used, free, coolingDown })),
    pods: podStatuses(input),
    peers: peerStatuses(input),
    complaints: [
      ...(report?.network.complaints ?? []),
      ...(report?.faults ?? []),
      ...input.surroundings,
      ...pressureFaults(input.fastLane),
    ].map(complaintOf),
    fastLane: fastLaneView(input.fastLane, input.passed),
    features: input.features,
    drops: [...input.drops],
    ...(report?.podDevice === undefined ? {} : { podDevice: report.podDevice }),
    podMtuBytes: report?.network.podMtuBytes ?? 0,
  }
}

function peerStatuses({ peers, fastLane }: CountsInput): AgentStatus['peers'] {
  const lanes = peerLanes(fastLane)
  return peers.map((p) => {
    const lane = lanes.get(p.name)
    return {
      name: p.name,
      address: p.address,
      podCidrs: p.ranges.map((r) => r.cidr),
      path: p.path,
      why: p.why,
      mtuBytes: p.mtuBytes,
      ...(lane ? { lane } : {}),
    }
  })
}

function podStatuses(input: CountsInput): AgentStatus['pods'] {
  const traffic = new Map(input.podCounts.map((p) => [p.ifindex, podTraffic(p)]))
  return input.endpoints.map((e) => {
    const own = traffic.get(e.link.index)
    return { ...podStatus(e, input), ...(own ? { traffic: own } : {}) }
  })
}

function podStatus(e: Endpoint, input: CountsInput): AgentStatus['pods'][number] {
  const pod = e.podUid === undefined ? undefined : input.tables.pods.get(e.podUid)
  return {
    containerId: e.containerId,
    ifName: e.ifName,
    ...(e.podUid === undefined ? {} : { uid: e.podUid }),
    ...(pod ? { namespace: pod.namespace, name: pod.name } : {}),
    addresses: e.addresses,
    hostInterface: e.link.name,
    device: e.link.kind,
    hostPorts: input.hostPortsOf(e).map(portText),
  }
}

const portText = (p: HostPort): string =>
  `${p.hostIp === undefined ? '' : `${p.hostIp}:`}${p.hostPort}/${p.protocol} → ${p.containerPort}`
