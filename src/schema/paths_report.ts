// What GET /paths of the agent's socket answers: per peer each path that there is, what its probes have found, and what
// a better one would need.

import * as v from 'valibot'
import { fault, ok, type Result } from '../base/result.ts'

const list = <T extends v.GenericSchema>(item: T) => v.pipe(v.array(item), v.readonly())
const fields = <T extends v.ObjectEntries>(entries: T) => v.pipe(v.object(entries), v.readonly())
const text = v.string()
const count = v.number()
const found = v.picklist(['ok', 'broken', 'unknown'])

const pathSchema = fields({
  kind: v.picklist(['direct', 'vxlan']),
  /** Whether pods' packets go by it. */
  inUse: v.boolean(),
  /** Absent where it is not in use. */
  lane: v.optional(v.picklist(['fast', 'plain', 'mixed'])),
  why: text,
  /** Of an IP packet, as planned. */
  mtuBytes: count,
  /** The largest IP packet that arrives whole. */
  trueMtuBytes: v.optional(count),
  /** Without the time that either agent held the probe; of the last hundred probes. */
  rttUs: v.optional(fields({ p50: count, p99: count })),
  /** 0 to 1, there and back, of the last hundred probes. */
  loss: v.optional(count),
  checksum: found,
  /** Whether segments sent as one large packet all arrive. */
  large: found,
  reach: v.picklist(['both', 'out-only', 'in-only', 'none', 'unknown']),
  /** Of pods, in both directions. */
  packetsPerSecond: count,
  nsPerPacket: v.optional(count),
  /** What the next better path would need. */
  better: v.optional(text),
})

const reportSchema = fields({
  peers: list(
    fields({
      peer: text,
      address: text,
      /** What the agent does about a fault. */
      workaround: v.optional(text),
      faults: list(text),
      paths: list(pathSchema),
    }),
  ),
})

export type PathsReport = v.InferOutput<typeof reportSchema>
export type PeerPaths = PathsReport['peers'][number]
export type PathReport = PeerPaths['paths'][number]

export function parsePathsReport(value: unknown, source: string): Result<PathsReport> {
  const parsed = v.safeParse(reportSchema, value)
  if (parsed.success) return ok(parsed.output)
  const [issue] = parsed.issues
  const what = `${v.getDotPath(issue) ?? 'the answer'}: ${issue.message}`
  return fault(
    'bad-paths',
    source,
    "an agent's report of its paths",
    what,
    'use the podlane command of its version',
  )
}
