// What GET /explain answers: the walk of a packet, hop by hop, and how it would be with something changed. The one truth
// about its shape, for the agent that writes it and for whoever reads it.

import * as v from 'valibot'
import { fault, ok, type Result } from '../base/result.ts'
import { ipValue } from './values.ts'

const list = <T extends v.GenericSchema>(item: T) => v.pipe(v.array(item), v.readonly())
const fields = <T extends v.ObjectEntries>(entries: T) => v.pipe(v.object(entries), v.readonly())
const text = v.string()
const count = v.number()

const protocols = ['tcp', 'udp', 'icmp'] as const
export const protocolValue = v.picklist(protocols)
const complaint = fields({ kind: text, object: text, wanted: text, found: text, next: text })

const ends = {
  source: ipValue,
  destination: ipValue,
  protocol: protocolValue,
  sourcePort: v.optional(count),
  port: v.optional(count),
}
/** A packet's ends and the size of its IP packet. */
export const packetSchema = fields({ ...ends, bytes: count })
export type Packet = v.InferOutput<typeof packetSchema>

/** What leaves a node: what the other one meets. */
export const wireSchema = fields({
  packet: packetSchema,
  /** Of the frame. */
  sourceMac: v.optional(text),
  /** The tunnel's; absent: there is none. */
  outer: v.optional(fields({ source: ipValue, destination: ipValue, vni: count, port: count })),
})
export type Wire = v.InferOutput<typeof wireSchema>

const hopSchema = fields({
  /** Of this node. */
  node: text,
  kind: v.picklist([
    'pod',
    'node',
    'program',
    'guard',
    'policy',
    'conntrack',
    'translation',
    'route',
    'neighbour',
    'encapsulation',
    'decapsulation',
    'queue',
    'uplink',
    'outside',
  ]),
  /** What stands there, as the kernel calls it. */
  object: text,
  /** What it does with this packet. */
  does: text,
  /** Empty where there is nothing to say. */
  why: text,
  verdict: v.picklist(['passes', 'stops', 'assumed']),
  /** Mean CPU time of a packet here, if something has measured it. */
  costNs: v.optional(count),
  /** Not so in the other walk. */
  differs: v.optional(v.literal(true)),
})
export type Hop = v.InferOutput<typeof hopSchema>

const walkSchema = fields({
  /** sent: it has left this node, whose tables say no more. */
  verdict: v.picklist(['delivered', 'sent', 'dropped', 'unreachable', 'too-big']),
  why: text,
  lane: v.picklist(['fast', 'plain']),
  /** Why it is plain; empty if it is fast. */
  laneWhy: text,
  /** here: it stays on its node; none: no path between nodes of the cluster. */
  path: v.picklist(['here', 'direct', 'vxlan', 'none']),
  /** The largest IP packet that goes this way whole. */
  largestBytes: count,
  hops: list(hopSchema),
  wire: v.optional(wireSchema),
  /** Of a packet: the path's, as this node's stage profile has it; without that the sum of what is known of the hops. */
  costNs: v.optional(count),
})
export type Walk = v.InferOutput<typeof walkSchema>

const answerSchema = fields({
  node: text,
  from: text,
  to: text,
  /** The other node, where the packet goes there. */
  peer: v.optional(text),
  tookMs: count,
  now: walkSchema,
  would: v.optional(
    fields({ changed: list(text), walk: v.optional(walkSchema), refused: v.optional(complaint) }),
  ),
  /** What could not be looked at, and what the figures stand on. */
  notes: list(text),
})
export type WalkAnswer = v.InferOutput<typeof answerSchema>

/** `source` is what answered, for the Fault. */
export function parseWalkAnswer(value: unknown, source: string): Result<WalkAnswer> {
  const parsed = v.safeParse(answerSchema, value)
  if (parsed.success) return ok(parsed.output)
  const [issue] = parsed.issues
  const found = `${v.getDotPath(issue) ?? 'the answer'}: ${issue.message}`
  return fault('bad-answer', source, 'a walk', found, 'use the podlane command of its version')
}
