// What the report reads of the answers to GET /profile and GET /paths.

import * as v from 'valibot'
import { fault, ok, type Result } from '../../base/result.ts'

const list = <T extends v.GenericSchema>(item: T) => v.pipe(v.array(item), v.readonly())
const count = v.number()
const text = v.string()

const profileSchema = v.object({
  seconds: count,
  cpus: count,
  hz: count,
  samples: count,
  source: v.picklist(['samples', 'counters']),
  missing: list(text),
  packetNs: count,
  cpu: v.object({ busyNs: count, idleNs: count, userNs: count, softirqNs: count }),
  stages: list(v.object({ stage: text, ns: count, lowNs: count, highNs: count, share: count })),
  others: list(v.object({ symbol: text, ns: count })),
  paths: list(
    v.object({
      path: v.picklist(['here', 'direct', 'vxlan']),
      lane: v.picklist(['fast', 'plain']),
      packets: count,
      nsPerPacket: count,
      lowNs: count,
      highNs: count,
      stages: list(v.object({ stage: text, nsPerPacket: count })),
    }),
  ),
  pods: list(
    v.object({
      namespace: v.optional(text),
      name: v.optional(text),
      addresses: list(text),
      packets: count,
      bytes: count,
      ns: count,
      share: count,
    }),
  ),
  own: v.object({ ns: count, share: count }),
})
export type ProfileReport = v.InferOutput<typeof profileSchema>

const pathsSchema = v.object({
  peers: list(
    v.object({
      peer: text,
      address: text,
      workaround: v.optional(text),
      faults: list(text),
      paths: list(
        v.object({
          kind: v.picklist(['direct', 'vxlan']),
          inUse: v.boolean(),
          lane: v.optional(v.picklist(['fast', 'plain', 'mixed'])),
          why: text,
          mtuBytes: count,
          trueMtuBytes: v.optional(count),
          rttUs: v.optional(v.object({ p50: count, p99: count })),
          loss: v.optional(count),
          checksum: text,
          large: text,
          reach: text,
          packetsPerSecond: count,
          nsPerPacket: v.optional(count),
          better: v.optional(text),
        }),
      ),
    }),
  ),
})
export type PathsReport = v.InferOutput<typeof pathsSchema>
export type ReportedPath = PathsReport['peers'][number]['paths'][number]

const parser =
  <T extends v.GenericSchema>(schema: T, wanted: string) =>
  (value: unknown, source: string): Result<v.InferOutput<T>> => {
    const parsed = v.safeParse(schema, value)
    if (parsed.success) return ok(parsed.output)
    const [issue] = parsed.issues
    const found = `${v.getDotPath(issue) ?? 'the answer'}: ${issue.message}`
    return fault('bad-answer', source, wanted, found, 'use the podlane command of its version')
  }

export const parseProfile = parser(profileSchema, 'a profile')
export const parsePaths = parser(pathsSchema, 'a table of paths')

const estimate = v.object({ value: count, low: count, high: count })
const adviceSchema = v.object({
  verdict: v.object({ cause: text, words: text, certainty: v.picklist(['sure', 'weak']) }),
  limit: v.optional(v.object({ unit: v.picklist(['packets', 'requests']), perSecond: estimate })),
  limitWhy: text,
  evidence: list(text),
  options: list(
    v.object({
      name: text,
      answer: v.picklist(['helps', 'does not help', 'not known', 'not possible']),
      factor: v.optional(estimate),
      why: text,
    }),
  ),
  facts: v.object({
    seconds: count,
    cores: list(
      v.object({ cpu: count, user: count, system: count, softirq: count, steal: count, idle: count }),
    ),
    missing: list(text),
  }),
})
export type Advice = v.InferOutput<typeof adviceSchema>
export const parseAdvice = parser(adviceSchema, 'advice')
