// What a reconcile has found out and the verbs need at once: this node's ranges and MTUs.

import type { NetworkRecord } from '../apply/record.ts'
import type { Cidr } from '../base/cidr.ts'
import type { AgentReport } from './kernel_protocol.ts'

export type Knowledge = {
  readonly ranges: readonly Cidr[]
  readonly linkMtuBytes: number
  readonly routeMtuBytes: number
}

const WITHOUT_UPLINK_MTU_BYTES = 1500

/** Before the first sync: what is on record in the kernel, so that ADD goes on without the API. */
export function recordedKnowledge(record: NetworkRecord, report?: AgentReport): Knowledge {
  const linkMtuBytes = report?.uplink?.mtuBytes ?? record.linkMtuBytes ?? WITHOUT_UPLINK_MTU_BYTES
  const routeMtuBytes = Math.min(linkMtuBytes, record.routeMtuBytes ?? linkMtuBytes)
  return { ranges: record.ranges, linkMtuBytes, routeMtuBytes }
}

export const reportedKnowledge = (report: AgentReport): Knowledge => ({
  ranges: report.network.ownRanges,
  linkMtuBytes: report.uplink?.mtuBytes ?? WITHOUT_UPLINK_MTU_BYTES,
  routeMtuBytes: report.network.podMtuBytes,
})
