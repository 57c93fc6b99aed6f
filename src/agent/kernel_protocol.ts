// The words between the agent's main thread and its kernel Worker. Calls are answered in the order in which they come.

import type { EndpointClaim } from '../apply/check.ts'
import type { CountedPath, FastLaneStatus, PodTraffic } from '../apply/fast_lane_contract.ts'
import type { ReconcileInput, Report, StartFacts, WireRequest } from '../apply/node.ts'
import type { Outcome } from '../apply/outcome.ts'
import type { SocketsStatus } from '../apply/sockets_contract.ts'
import type { Urgency } from '../apply/watch.ts'
import type { Fault, Result } from '../base/result.ts'
import type { Features } from '../observe/features.ts'
import type { Lane } from '../plan/fast_lane.ts'
import type { Network } from '../plan/network.ts'
import type { Peer, PeerRange } from '../plan/peers.ts'
import type { Endpoint } from '../state/endpoint.ts'
import type { NodeDelta } from './node_delta.ts'

/** What crosses the threads of a report: of a thousand nodes, what was planned for each stays where it is used. */
export type AgentReport = Omit<Report, 'network'> & {
  readonly network: Pick<Network, 'ownRanges' | 'underlay' | 'podMtuBytes' | 'complaints'>
}

/** A peer and how its ranges are reached. */
export type PlannedPaths = Pick<Peer, 'name' | 'address' | 'onLink' | 'path' | 'why' | 'workaround'> & {
  readonly ranges: readonly Pick<PeerRange, 'cidr' | 'path' | 'mtuBytes'>[]
}

export type AgentInput = Omit<ReconcileInput, 'nodes'> & { readonly nodes: NodeDelta }

export type KernelCalls = {
  readonly start: () => Result<StartFacts>
  readonly reconcile: (input: AgentInput) => AgentReport
  /** The other nodes as the last reconcile planned them. */
  readonly peers: () => readonly Peer[]
  /** Of them what a report of paths says: all of a thousand peers takes long to get from one thread to the other. */
  readonly plannedPaths: () => readonly PlannedPaths[]
  readonly wire: (request: WireRequest) => Result<Endpoint>
  readonly unwire: (endpoint: Endpoint) => Result<readonly Fault[]>
  readonly forget: (endpoint: Endpoint) => Result<void>
  readonly sweep: (leaving: readonly Endpoint[]) => readonly Endpoint[]
  /** What this kernel can do of what is used here. */
  readonly features: () => Features
  /** What is asked for at run time: of one peer, or of the whole node; undefined: what the config says. */
  readonly setLane: (peer: string | undefined, lane: Lane | undefined) => Result<void>
  readonly fastLane: () => FastLaneStatus
  readonly countedPaths: () => readonly CountedPath[]
  readonly podCounts: () => readonly PodTraffic[]
  readonly sweepFlows: () => void
  readonly sockets: () => SocketsStatus
  readonly check: (endpoint: Endpoint, claim: EndpointClaim) => Result<void>
}

export type Call = {
  readonly id: number
  readonly name: keyof KernelCalls
  readonly args: readonly unknown[]
}
/** `look`: something of ours may have changed in the kernel by another hand. `dropped`: a program dropped a packet.
 * `attached`: a waiting pod was brought into the fast lane, or could not be. */
export type Said =
  | { readonly id: number; readonly value: unknown }
  | { readonly look: string; readonly urgency: Urgency }
  | { readonly dropped: string }
  | { readonly attached: Outcome }
