// What the node asks of its fast lane. Whatever it cannot do, the plain network does: nothing here makes an ADD fail.

import type { Cidr } from '../base/cidr.ts'
import type { Fault } from '../base/result.ts'
import type { FastLanePlan, Lane } from '../plan/fast_lane.ts'
import type { Endpoint } from '../state/endpoint.ts'
import type { PathCount, ReasonCount } from './fast_lane/counts.ts'
import { nothing, type Outcome } from './outcome.ts'

export type PeerLane = {
  readonly peer: string
  readonly lane: Lane
  /** Why it is plain. */
  readonly why: string
  readonly counts: PathCount
}

export type FastLaneStatus = {
  /** Undefined if the fast lane is there. */
  readonly fault: Fault | undefined
  readonly lane: Lane
  readonly attached: 'tcx' | 'clsact' | undefined
  readonly here: PathCount | undefined
  readonly peers: readonly PeerLane[]
  readonly flows: { readonly entries: number; readonly waiting: number; readonly most: number } | undefined
  readonly reasons: readonly ReasonCount[]
}

export type ApplyOptions = { readonly sweep: boolean; readonly again: boolean }
/** `switched`: ranges whose packets have another lane than before. */
export type Applied = Outcome & { readonly switched: readonly Cidr[] }

export type FastLane = {
  /** Loads the programs or finds them. A fault: everything stays plain. */
  readonly start: () => Outcome
  /** @param again next hops that a program has called moved are believed again */
  readonly apply: (plan: FastLanePlan, options: ApplyOptions) => Applied
  /** Before the pod's first packet. */
  readonly addPod: (endpoint: Endpoint, limited: boolean) => void
  /** When this returns no flow of its addresses is in the fast lane, and none will be. */
  readonly removePod: (endpoint: Endpoint) => void
  /** What of the pod's is missing, in words. */
  readonly checkPod: (endpoint: Endpoint) => readonly string[]
  /** What was asked for at run time goes before the config. `peer` undefined: the whole node. */
  readonly laneOf: (peer: string | undefined) => Lane
  readonly setLane: (peer: string | undefined, wish: Lane | undefined) => void
  readonly status: () => FastLaneStatus
  readonly close: () => void
}

/** For what needs no speed: everything stays plain. */
export const plainOnly: FastLane = {
  start: () => nothing,
  apply: () => ({ ...nothing, switched: [] }),
  addPod: () => {},
  removePod: () => {},
  checkPod: () => [],
  laneOf: () => 'plain',
  setLane: () => {},
  status: () => ({
    fault: undefined,
    lane: 'plain',
    attached: undefined,
    here: undefined,
    peers: [],
    flows: undefined,
    reasons: [],
  }),
  close: () => {},
}
