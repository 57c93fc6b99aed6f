// What GET /profile of the agent's socket answers: where the CPU time of packet handling went in an interval.

import * as v from 'valibot'
import { fault, ok, type Result } from '../base/result.ts'
import { STAGES } from './stages.ts'

const list = <T extends v.GenericSchema>(item: T) => v.pipe(v.array(item), v.readonly())
const fields = <T extends v.ObjectEntries>(entries: T) => v.pipe(v.object(entries), v.readonly())
const text = v.string()
const number = v.number()
/** Where the truth lies with a confidence of 95 %, for the number of samples. */
const interval = { lowNs: number, highNs: number }

const reportSchema = fields({
  seconds: number,
  cpus: number,
  /** Samples a second of each processor. */
  hz: number,
  samples: number,
  /** counters: without samples, so that only what is counted anyway is known. */
  source: v.picklist(['samples', 'counters']),
  /** What this host refuses or an interval cannot say, in words. */
  missing: list(text),
  /** CPU time of packet handling in the interval: the sum of the stages. */
  packetNs: number,
  /** Of the whole machine, from /proc/stat: independent of the samples. */
  cpu: fields({ busyNs: number, idleNs: number, userNs: number, softirqNs: number }),
  /** What the samples say of the rest: in user mode, in the kernel for other purposes than packets, idle. */
  rest: fields({ userNs: number, kernelNs: number, idleNs: number }),
  stages: list(fields({ stage: v.picklist(STAGES), ns: number, ...interval, share: number })),
  /** What the stage `other` consists of. */
  others: list(fields({ symbol: text, ns: number })),
  /** Packets as pods see them, sent and received. `other`: to Services, the node and the world outside; always plain. */
  paths: list(
    fields({
      path: v.picklist(['here', 'direct', 'vxlan', 'other']),
      lane: v.picklist(['fast', 'plain']),
      packets: number,
      /** All three or none: without samples it is not known. */
      nsPerPacket: v.optional(number),
      lowNs: v.optional(number),
      highNs: v.optional(number),
      stages: list(fields({ stage: v.picklist(STAGES), nsPerPacket: number })),
    }),
  ),
  pods: list(
    fields({
      namespace: v.optional(text),
      name: v.optional(text),
      addresses: list(text),
      packets: number,
      bytes: number,
      ns: number,
      share: number,
    }),
  ),
  /** What measuring itself took, and its share of one processor. */
  own: fields({ ns: number, share: number }),
})

export type ProfileReport = v.InferOutput<typeof reportSchema>
export type StageCost = ProfileReport['stages'][number]
export type PathRow = ProfileReport['paths'][number]
/** Where samples have told it. */
export type PathCost = PathRow & {
  readonly nsPerPacket: number
  readonly lowNs: number
  readonly highNs: number
}
export const isKnown = (row: PathRow): row is PathCost =>
  row.nsPerPacket !== undefined && row.lowNs !== undefined && row.highNs !== undefined
export type PodCost = ProfileReport['pods'][number]
export type CpuTimes = ProfileReport['cpu']

/** Longest interval that can be asked for. */
export const MOST_SECONDS = 600

/** `source` is what answered, for the Fault. */
export function parseProfileReport(value: unknown, source: string): Result<ProfileReport> {
  const parsed = v.safeParse(reportSchema, value)
  if (parsed.success) return ok(parsed.output)
  const [issue] = parsed.issues
  const found = `${v.getDotPath(issue) ?? 'the answer'}: ${issue.message}`
  return fault('bad-profile', source, "an agent's profile", found, 'use the podlane command of its version')
}
