// A node's load over an interval, as facts: what each core did, what pods sent and received, what was lost and where, how
// full the tables are, what the NIC can do. Rates are per second; shares are 0..1 of the wall's time.

import * as v from 'valibot'

const list = <T extends v.GenericSchema>(item: T) => v.pipe(v.array(item), v.readonly())
const fields = <T extends v.ObjectEntries>(entries: T) => v.pipe(v.object(entries), v.readonly())
const text = v.string()
const number = v.number()

const core = fields({
  cpu: number,
  user: number,
  system: number,
  softirq: number,
  /** Taken by the hypervisor. */
  steal: number,
  idle: number,
  /** From /proc/net/softnet_stat: packets that found its backlog full, and polls that ended before their work. */
  dropped: number,
  squeezed: number,
})

const traffic = fields({
  path: v.picklist(['here', 'direct', 'vxlan', 'none']),
  lane: v.picklist(['fast', 'plain']),
  direction: v.picklist(['sent', 'received']),
  packets: number,
  bytes: number,
})

const uplink = fields({
  name: text,
  mtuBytes: number,
  /** Absent where the host does not show it. */
  driver: v.optional(text),
  receiveQueues: v.optional(number),
  /** RPS: softirqs of one queue on several cores. */
  steering: v.optional(v.boolean()),
  virtualFunctions: v.optional(number),
  droppedReceiving: number,
  droppedSending: number,
})

/** The part of a stage profile that advice needs; in ns of CPU time over the interval of the profile. */
const profile = fields({
  packetNs: number,
  cpu: fields({ busyNs: number }),
  stages: list(fields({ stage: text, ns: number, lowNs: number, highNs: number })),
  paths: list(
    fields({
      path: v.picklist(['here', 'direct', 'vxlan', 'other']),
      lane: v.picklist(['fast', 'plain']),
      packets: number,
      nsPerPacket: number,
      lowNs: number,
      highNs: number,
    }),
  ),
})

export const loadFactsSchema = fields({
  seconds: number,
  cores: list(core),
  traffic: list(traffic),
  /** Of the fast lane's table. `waiting` ones have no answer yet. */
  flows: v.optional(fields({ entries: number, most: number, waiting: number, mostWaiting: number })),
  conntrack: v.optional(fields({ entries: number, most: number, refused: number })),
  /** Of pods: TCP connections opened from either side; absent where their counters cannot be read. */
  connections: v.optional(number),
  /** Of pods: UDP packets that found a socket's buffer full. */
  bufferErrors: v.optional(number),
  uplink: v.optional(uplink),
  bypass: fields({ rdmaDevices: list(text), hugePages: number }),
  profile: v.optional(profile),
  /** Of a closed loop, where who asked knows it. */
  loop: v.optional(
    fields({
      askers: number,
      requests: number,
      roundTripNs: fields({ value: number, low: number, high: number }),
    }),
  ),
  /** Parts of the interval: packets (or requests) and busy time of all cores, for a fit. */
  points: list(fields({ rps: number, busyNsPerSecond: number, coreShares: v.optional(list(number)) })),
  /** What could not be read, in words. */
  missing: list(text),
})

export type LoadFacts = v.InferOutput<typeof loadFactsSchema>
export type CoreLoad = LoadFacts['cores'][number]
export type UplinkFacts = NonNullable<LoadFacts['uplink']>
export type PathTraffic = LoadFacts['traffic'][number]
export type LoadProfile = NonNullable<LoadFacts['profile']>
