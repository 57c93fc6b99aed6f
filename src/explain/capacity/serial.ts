// One core: a flow is served by one, so its packets are one after another; and what Amdahl's law leaves of a saving.

import { type Estimate, mapped } from './estimate.ts'

const NS = 1e9

/** Packets (requests) per second of one flow whose every packet takes so many ns of the one core that serves it. */
export const serialCore = (nsPerPacket: Estimate): Estimate => mapped(nsPerPacket, (ns) => NS / ns)

/**
 * By what factor a host carries more if `share` (0..1) of the time becomes so many times cheaper; for ever cheaper,
 * 1 ÷ (1 − share). G. Amdahl, AFIPS 1967.
 */
export const gainOf = (share: Estimate, times = Number.POSITIVE_INFINITY): Estimate =>
  mapped(share, (s) => 1 / (1 - s * (1 - 1 / times)))
