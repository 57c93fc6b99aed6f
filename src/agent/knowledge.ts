// What a reconcile has found out and the verbs need at once: this node's ranges and MTUs.

import type { Report } from '../apply/node.ts'
import type { Cidr } from '../base/cidr.ts'

export type Knowledge = {
  readonly ranges: readonly Cidr[]
  readonly linkMtuBytes: number
  readonly routeMtuBytes: number
}

const WITHOUT_UPLINK_MTU_BYTES = 1500

/** Before the first reconcile: the ranges on record in the kernel, so that ADD goes on without the API. */
export const recordedKnowledge = (ranges: readonly Cidr[]): Knowledge => ({
  ranges,
  linkMtuBytes: WITHOUT_UPLINK_MTU_BYTES,
  routeMtuBytes: WITHOUT_UPLINK_MTU_BYTES,
})

export const reportedKnowledge = (report: Report): Knowledge => ({
  ranges: report.network.ownRanges,
  linkMtuBytes: report.uplink?.mtuBytes ?? WITHOUT_UPLINK_MTU_BYTES,
  routeMtuBytes: report.network.podMtuBytes,
})
