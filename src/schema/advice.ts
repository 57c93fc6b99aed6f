// What GET /advice of the agent's socket answers: what binds the node now, how much it could carry, and what each way out
// would give, with the facts that it rests on.

import * as v from 'valibot'
import { fault, ok, type Result } from '../base/result.ts'
import { loadFactsSchema } from './load_facts.ts'

const list = <T extends v.GenericSchema>(item: T) => v.pipe(v.array(item), v.readonly())
const fields = <T extends v.ObjectEntries>(entries: T) => v.pipe(v.object(entries), v.readonly())
const text = v.string()
const number = v.number()
/** Bounds of 95 %. */
const estimate = fields({ value: number, low: number, high: number })

export const CAUSES = [
  'table-pressure',
  'queue-budget',
  'one-core-softirq',
  'one-core-thread',
  'connection-setup',
  'all-cores',
  'latency',
  'nothing',
] as const
export type Cause = (typeof CAUSES)[number]

const adviceSchema = fields({
  verdict: fields({
    cause: v.picklist(CAUSES),
    /** One sentence. */
    words: text,
    /** weak: evidence points to more than one cause, or the interval was short. */
    certainty: v.picklist(['sure', 'weak']),
  }),
  /** Per second; absent where nothing can be concluded, and `limitWhy` says why. */
  limit: v.optional(fields({ unit: v.picklist(['packets', 'requests']), perSecond: estimate })),
  /** What the limit rests on, or why there is none. */
  limitWhy: text,
  evidence: list(text),
  options: list(
    fields({
      name: text,
      answer: v.picklist(['helps', 'does not help', 'not known', 'not possible']),
      /** Times the limit. With a value: bounds of 95 %; without, the least and the most that is possible. */
      factor: v.optional(fields({ value: v.optional(number), low: number, high: number })),
      why: text,
    }),
  ),
  facts: loadFactsSchema,
})

export type Advice = v.InferOutput<typeof adviceSchema>
export type AdviceOption = Advice['options'][number]

/** Longest interval that can be asked for. */
export const MOST_SECONDS = 600

/** `source` is what answered, for the Fault. */
export function parseAdvice(value: unknown, source: string): Result<Advice> {
  const parsed = v.safeParse(adviceSchema, value)
  if (parsed.success) return ok(parsed.output)
  const [issue] = parsed.issues
  const found = `${v.getDotPath(issue) ?? 'the answer'}: ${issue.message}`
  return fault('bad-advice', source, "an agent's advice", found, 'use the podlane command of its version')
}
