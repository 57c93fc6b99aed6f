// What PUT /lane of the agent's socket takes: which lane an operator wants at run time, of all peers or of one.

import * as v from 'valibot'
import { fault, ok, type Result } from '../base/result.ts'

export const laneWords = ['fast', 'plain', 'default'] as const

const requestSchema = v.strictObject({
  /** default: what the config says. */
  lane: v.picklist(laneWords, `one of ${laneWords.join(', ')}`),
  /** A node's name; absent: the whole node that is asked. */
  peer: v.optional(v.pipe(v.string('the name of a node'), v.minLength(1, 'the name of a node'))),
})

export type LaneRequest = v.InferOutput<typeof requestSchema>
export type LaneWord = LaneRequest['lane']

const textSchema = v.pipe(v.string(), v.parseJson(undefined, 'JSON'), requestSchema)

export function parseLaneRequest(text: string): Result<LaneRequest> {
  const parsed = v.safeParse(textSchema, text)
  if (parsed.success) return ok(parsed.output)
  const [issue] = parsed.issues
  const key = v.getDotPath(issue)
  // A key too many or too few.
  const isShape = issue.type === 'strict_object'
  return fault(
    'bad-option',
    key === null ? 'the request' : `key ${key} of the request`,
    isShape ? 'lane, and peer if it is about one' : issue.message,
    issue.received === 'undefined' ? 'nothing' : issue.received,
    'e.g. {"lane":"plain","peer":"node2"}',
  )
}
