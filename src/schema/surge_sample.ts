// What the traffic generator says of one step of an open load (bench/traffic/surge_client.c): a line of JSON.

import * as v from 'valibot'

const coreSchema = v.strictObject({
  cpu: v.number(),
  elapsedUs: v.number(),
  /** By the kernel's idle time, to the nanosecond where /proc/timer_list can be read, else in ticks of 10 ms. */
  busyUs: v.number(),
  /** These three by what the timer's interrupt met, 250 to 1,000 times a second. */
  userUs: v.number(),
  systemUs: v.number(),
  softirqUs: v.number(),
  /** Packets that the core's backlog had no room for, and runs of its softirq that ended with work left. */
  dropped: v.number(),
  squeezed: v.number(),
})
export const surgeSampleSchema = v.strictObject({
  seconds: v.number(),
  /** Requests on the schedule of that time; those that left in it; those answered, up to 0.1 s after it. */
  due: v.number(),
  sent: v.number(),
  answered: v.number(),
  /** From the intended start. 3 % exact. */
  p50Us: v.number(),
  p99Us: v.number(),
  p999Us: v.number(),
  /** How long after its intended start a request left. */
  lateP50Us: v.number(),
  lateP99Us: v.number(),
  lateMostUs: v.number(),
  /** The generator's core, then the server's. */
  cores: v.array(coreSchema),
})
export type SurgeSample = v.InferOutput<typeof surgeSampleSchema>
export type CoreTime = v.InferOutput<typeof coreSchema>
