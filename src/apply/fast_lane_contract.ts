// What the node asks of its fast lane. Whatever it cannot do, the plain network does: nothing here makes an ADD fail.

import type { Cidr } from '../base/cidr.ts'
import type { IfIndex } from '../base/ifindex.ts'
import type { Ip } from '../base/ip.ts'
import { type Fault, fault, type Result } from '../base/result.ts'
import type { FastLanePlan, Lane } from '../plan/fast_lane.ts'
import type { Endpoint } from '../state/endpoint.ts'
import type { PathCount, PodCount, ReasonCount } from './fast_lane/counts.ts'
import { nothing, type Outcome } from './outcome.ts'

/** Of one path: a peer has two if its families are reached apart. */
export type PathLane = {
  readonly peer: string
  readonly ranges: readonly Cidr[]
  readonly lane: Lane
  /** Why it is plain; empty if it is fast. */
  readonly why: string
}
export type PeerLane = PathLane & { readonly counts: PathCount }
/** Of both directions and lanes: all the counts of a thousand peers take long to get from one thread to the other. */
export type CountedPath = PathLane & { readonly packets: number }

export type FastLaneStatus = {
  /** Undefined if the fast lane is there. */
  readonly fault: Fault | undefined
  readonly lane: Lane
  /** Why this node's lane is plain; empty if it is fast. */
  readonly why: string
  /** What was asked for at run time, for the whole node. */
  readonly asked: Lane | undefined
  readonly attached: 'tcx' | 'clsact' | undefined
  readonly here: PathCount | undefined
  /** Pods whose programs are still to come. */
  readonly waitingPods: number
  readonly peers: readonly PeerLane[]
  /** As the last sweep has found them. */
  readonly flows: FlowCount | undefined
  readonly reasons: readonly ReasonCount[]
}

/** Of a pod since it has its programs, through restarts of the agent. What goes from socket to socket is not in it. */
export type PodTraffic = {
  /** Of the host's end of its link. */
  readonly ifindex: IfIndex
  readonly addresses: readonly Ip[]
  readonly counts: PodCount
}

/** `waiting`: nobody has answered yet. They stand in a table of their own. */
export type FlowCount = {
  readonly entries: number
  readonly most: number
  readonly waiting: number
  readonly mostWaiting: number
}

/** `moved`, `mtu`: worth a look at once. */
export type LaneEvent = { readonly kind: 'moved' | 'mtu' | 'drop'; readonly why: string }

export type ApplyOptions = { readonly sweep: boolean; readonly again: boolean }
/** `switched`: ranges whose packets have another lane than before. */
export type Applied = Outcome & { readonly switched: readonly Cidr[] }

export type FastLane = {
  /** Whether programs stand at pods and uplink, whichever lane is wished. */
  readonly isOpen: () => boolean
  /** Loads the programs or finds them. A fault: everything stays plain. */
  readonly start: () => Outcome
  /** @param again next hops that a program has called moved are believed again */
  readonly apply: (plan: FastLanePlan, options: ApplyOptions) => Applied
  /** The pod waits for its programs; until `attachNext` has come to it, it has the plain network. */
  readonly addPod: (endpoint: Endpoint, limited: boolean) => void
  /** Brings the pod in that has waited for longest. Blocks for tens of milliseconds. Undefined: none waits. */
  readonly attachNext: () => Outcome | undefined
  /** When this returns no flow of its addresses is in the fast lane, and none will be. */
  readonly removePod: (endpoint: Endpoint) => void
  /** The pod's link has left the kernel. */
  readonly linkGone: (endpoint: Endpoint) => void
  /** What of the pod's is missing, in words. */
  readonly checkPod: (endpoint: Endpoint) => readonly string[]
  /** What was asked for at run time goes before the config. `peer` undefined: the whole node. */
  readonly laneOf: (peer: string | undefined) => Lane
  /** Counts from the next `apply` on. A fault: there is no fast lane, or no room for the wish. */
  readonly setLane: (peer: string | undefined, wish: Lane | undefined) => Result<void>
  readonly status: () => FastLaneStatus
  readonly countedPaths: () => readonly CountedPath[]
  /** Of the pods that have their programs; of more than a thousand, some are not counted. */
  readonly podCounts: () => readonly PodTraffic[]
  /** Counts the flows, takes out what is void and puts the pods' shares right: milliseconds for a full table. */
  readonly sweep: () => void
  readonly close: () => void
}

/** For what needs no speed: everything stays plain. */
export const plainOnly: FastLane = {
  isOpen: () => false,
  start: () => nothing,
  apply: () => ({ ...nothing, switched: [] }),
  addPod: () => {},
  attachNext: () => undefined,
  removePod: () => {},
  linkGone: () => {},
  checkPod: () => [],
  laneOf: () => 'plain',
  setLane: () =>
    fault('fast-lane', 'the fast lane', 'programs in the kernel', 'none', 'nothing: all is plain'),
  status: () => ({
    fault: undefined,
    lane: 'plain',
    why: 'there is no fast lane',
    asked: undefined,
    attached: undefined,
    here: undefined,
    waitingPods: 0,
    peers: [],
    flows: undefined,
    reasons: [],
  }),
  countedPaths: () => [],
  podCounts: () => [],
  sweep: () => {},
  close: () => {},
}
