// What `make bench-surge` leaves for pictures: for each path the steps of the load, up beyond saturation and down again.

import * as v from 'valibot'
import { fault, ok, type Result } from '../base/result.ts'

const list = <T extends v.GenericSchema>(item: T) => v.pipe(v.array(item), v.readonly())
const text = v.string()
const count = v.number()
/** JSON has no word for what could not be reckoned: a latency where nothing was answered. */
const countIfAny = v.nullable(count)

const stepSchema = v.object({
  direction: v.picklist(['up', 'down']),
  /** Requests a second that were due, and those that were answered. */
  offered: count,
  served: count,
  /** From the moment at which a request was due. */
  p50Ms: countIfAny,
  p99Ms: countIfAny,
  p999Ms: countIfAny,
  /** Of the requests, 0 to 1. */
  loss: count,
  /** Of the time of the path's cores, 0 to 1. */
  softirqShare: countIfAny,
  busyShare: countIfAny,
  /** Of the path's cores, for each answered request; and the same by stage, where there were samples. */
  nsPerRequest: countIfAny,
  stages: v.optional(list(v.object({ stage: text, nsPerRequest: count }))),
  /** How late requests left, at the 99th percentile, in ms. */
  lateness: v.optional(countIfAny),
  /** The generator could not keep its schedule: the step says nothing of the path. */
  generatorIsLimit: v.optional(v.boolean()),
})

/** The knee as the capacity model has it from loads far below. */
const predictionSchema = v.union([
  v.object({ rps: count, low: count, high: count, points: count }),
  v.object({ refused: text }),
])

const scaleSchema = v.variant('measured', [
  v.object({ measured: v.literal(false), why: text }),
  v.object({
    measured: v.literal(true),
    cores: count,
    rows: list(
      v.object({
        way: v.picklist(['scale-up', 'scale-out']),
        path: text,
        /** Cores of the one path, or pairs of nodes. */
        count,
        flows: count,
        kneeRps: countIfAny,
      }),
    ),
  }),
])

const curvesSchema = v.object({
  machine: v.optional(v.record(text, v.union([text, count]))),
  paths: list(v.object({ path: text, steps: list(stepSchema), prediction: v.optional(predictionSchema) })),
  scale: v.optional(scaleSchema),
})

export type SurgeCurves = v.InferOutput<typeof curvesSchema>
export type SurgePath = SurgeCurves['paths'][number]
export type SurgeStep = SurgePath['steps'][number]

export type SurgeScale = NonNullable<SurgeCurves['scale']>

const textSchema = v.pipe(v.string(), v.parseJson(undefined, 'JSON'), curvesSchema)

/** @param source the file's name, for the Fault */
export function parseSurgeCurves(text: string, source: string): Result<SurgeCurves> {
  const parsed = v.safeParse(textSchema, text)
  if (parsed.success) return ok(parsed.output)
  const [issue] = parsed.issues
  const found = `${v.getDotPath(issue) ?? 'the file'}: ${issue.message}`
  return fault('bad-surge', source, 'curves of «make bench-surge»', found, 'run «make bench-surge» again')
}
