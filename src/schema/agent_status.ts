// What GET /status of the agent's socket answers: the one truth about its shape, for the agent that writes it and
// for whoever reads it (command line, page, lab).

import * as v from 'valibot'
import { fault, ok, type Result } from '../base/result.ts'

const list = <T extends v.GenericSchema>(item: T) => v.pipe(v.array(item), v.readonly())
const fields = <T extends v.ObjectEntries>(entries: T) => v.pipe(v.object(entries), v.readonly())
const text = v.string()
const texts = list(text)
const count = v.number()

const complaint = fields({ object: text, wanted: text, found: text, next: text })
const laneWord = v.picklist(['fast', 'plain'])
const laneCount = fields({ packets: count, bytes: count })
const byLane = fields({ fast: laneCount, plain: laneCount })
/** Packets and bytes of pods' traffic since the path or the pod has been there, by the lane that they took. */
const traffic = { sent: byLane, received: byLane }

const fastLaneSchema = fields({
  /** off: every packet takes the plain network, and `fault` says why. */
  state: v.picklist(['on', 'off']),
  fault: v.optional(complaint),
  attached: v.optional(v.picklist(['tcx', 'clsact'])),
  /** Of the whole node; a peer may have another. */
  lane: laneWord,
  /** Why it is plain; empty if it is fast. */
  why: text,
  /** What was asked for at run time, over the config. */
  asked: v.optional(laneWord),
  /** Between pods of this node. */
  here: v.optional(fields(traffic)),
  /** As counted a few seconds ago. `waiting` flows have no answer yet; they stand in a table of their own. */
  flows: v.optional(
    fields({ entries: count, most: count, pressurePercent: count, waiting: count, mostWaiting: count }),
  ),
  /** New pods whose programs are still to come: plain until then. */
  waitingPods: v.optional(count),
  /** Why packets took the plain network, or were dropped. */
  reasons: list(fields({ name: text, why: text, packets: count })),
  /** Forward rules of the host that packets in the fast lane do not meet. */
  hostRules: list(fields({ where: text, rules: count })),
})

const statusSchema = fields({
  version: text,
  nodeName: text,
  /** ISO 8601. */
  startedAt: text,
  source: fields({ kind: text, synced: v.boolean(), lostSinceMs: v.optional(count), message: text }),
  ready: fields({
    state: v.picklist(['ready', 'not-ready']),
    why: v.optional(text),
    next: v.optional(text),
  }),
  uplink: v.nullable(fields({ name: text, mtuBytes: count, addresses: texts })),
  /** This node's pod ranges; `coolingDown` addresses are free but not handed out yet. */
  ranges: list(fields({ cidr: text, used: count, free: count, coolingDown: count })),
  pods: list(
    fields({
      containerId: text,
      ifName: text,
      uid: v.optional(text),
      namespace: v.optional(text),
      name: v.optional(text),
      addresses: texts,
      hostInterface: text,
      /** Kind of its device: veth or netkit. */
      device: v.optional(text),
      hostPorts: texts,
      /** Since it has the fast lane's programs; absent before, and of more than a thousand pods of some. */
      traffic: v.optional(fields(traffic)),
    }),
  ),
  peers: list(
    fields({
      name: text,
      address: text,
      podCidrs: texts,
      path: v.picklist(['direct', 'vxlan', 'none']),
      /** Why this kind of path. */
      why: text,
      mtuBytes: count,
      /** Absent where there is no path. */
      lane: v.optional(
        fields({
          /** mixed: its IPv4 and IPv6 ranges differ. */
          lane: v.picklist(['fast', 'plain', 'mixed']),
          /** Why it is plain; empty if it is fast. */
          why: text,
          ...traffic,
        }),
      ),
    }),
  ),
  complaints: list(complaint),
  fastLane: v.optional(fastLaneSchema),
  /** What this kernel can and cannot do, e.g. `vxlan: yes`. */
  features: v.pipe(v.record(text, text), v.readonly()),
  /** What the filter has dropped since its tables were made, by rule. */
  drops: v.optional(list(fields({ name: text, why: text, packets: count }))),
  /** Kind of device that new pods get; absent: none, a complaint says why. */
  podDevice: v.optional(text),
  /** What the default route of a pod carries. */
  podMtuBytes: count,
})

export type AgentStatus = v.InferOutput<typeof statusSchema>
export type PeerStatus = AgentStatus['peers'][number]
export type FastLaneView = NonNullable<AgentStatus['fastLane']>
export type LaneTraffic = NonNullable<FastLaneView['here']>
export type PathKind = PeerStatus['path']

/** `source` is what answered, for the Fault. Keys that are not known (a newer agent's) are left out. */
export function parseAgentStatus(value: unknown, source: string): Result<AgentStatus> {
  const parsed = v.safeParse(statusSchema, value)
  if (parsed.success) return ok(parsed.output)
  const [issue] = parsed.issues
  const found = `${v.getDotPath(issue) ?? 'the answer'}: ${issue.message}`
  return fault('bad-status', source, "an agent's status", found, 'use the podlane command of its version')
}
