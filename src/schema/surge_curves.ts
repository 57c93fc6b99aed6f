// What `make bench-surge` leaves for pictures: for each path the steps of the load, up beyond saturation and down again.

import * as v from 'valibot'
import { fault, ok, type Result } from '../base/result.ts'

const list = <T extends v.GenericSchema>(item: T) => v.pipe(v.array(item), v.readonly())
const count = v.number()

const stepSchema = v.object({
  direction: v.picklist(['up', 'down']),
  /** Requests a second that were sent for, and those that were answered. */
  offered: count,
  served: count,
  /** From the moment at which a request was due. */
  p50Ms: count,
  p99Ms: count,
  p999Ms: count,
  /** Of the requests, 0 to 1. */
  loss: count,
  /** Of all cores' time, 0 to 1. */
  softirqShare: count,
  busyShare: count,
  nsPerRequest: count,
  /** How late the load generator itself was: where it is large, the step measures the generator. */
  lateness: v.optional(v.unknown()),
})

const curvesSchema = v.object({
  paths: list(v.object({ path: v.string(), steps: list(stepSchema) })),
})

export type SurgeCurves = v.InferOutput<typeof curvesSchema>
export type SurgePath = SurgeCurves['paths'][number]
export type SurgeStep = SurgePath['steps'][number]

const textSchema = v.pipe(v.string(), v.parseJson(undefined, 'JSON'), curvesSchema)

/** @param source the file's name, for the Fault */
export function parseSurgeCurves(text: string, source: string): Result<SurgeCurves> {
  const parsed = v.safeParse(textSchema, text)
  if (parsed.success) return ok(parsed.output)
  const [issue] = parsed.issues
  const found = `${v.getDotPath(issue) ?? 'the file'}: ${issue.message}`
  return fault('bad-surge', source, 'curves of «make bench-surge»', found, 'run «make bench-surge» again')
}
