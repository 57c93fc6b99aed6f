// What `podlane advise` would say of the plain lane at its limit, with what the ramp knows: the path's cores, the points of
// all steps and low looks, and both lanes' measured costs. What the ramp does not see (tables, uplink, stages) stays «not known».

import type { Advice } from '../../schema/advice.ts'
import type { LoadFacts, LoadProfile } from '../../schema/load_facts.ts'
import type { LaneRamp, RampStep } from '../../schema/ramp.ts'
import { adviceOf } from '../advice/advice.ts'
import { pointOf } from './ramp_point.ts'

/** Of request and answer. */
const PACKETS = 2
const PACKET_BYTES = 64 + 28
/** A ramp's step is short, but its load is known and steady. */
const SECONDS = 10
const NS = 1e9

/** Undefined where the limit was not found. */
export function adviceAtLimit(path: string, plain: LaneRamp, fast: LaneRamp): Advice | undefined {
  const most = plain.steps.find((s) => s.offered === plain.reached.rps)
  if (!most || plain.reached.orAbove || (path !== 'direct' && path !== 'vxlan')) return undefined
  const packets = (most.served * PACKETS) / 2
  const one = { path, lane: 'plain', packets, bytes: packets * PACKET_BYTES } as const
  const costs = [plain, fast].flatMap((lane) => costOf(path, lane, most))
  return adviceOf(
    {
      seconds: SECONDS,
      cores: most.cores.map(coreOf),
      traffic: [
        { ...one, direction: 'sent' },
        { ...one, direction: 'received' },
      ],
      bypass: { rdmaDevices: [], hugePages: 0 },
      profile: { packetNs: busyNs(most), cpu: { busyNs: busyNs(most) }, stages: [], paths: costs },
      points: [...plain.low, ...plain.steps].map(pointOf),
      missing: ['of the ramp alone: tables, uplink and stages are not looked at'],
    },
    'requests',
  )
}

const busyNs = ({ cores }: RampStep): number => cores.reduce((sum, c) => sum + c.busy, 0) * NS * SECONDS

const coreOf = ({ cpu, busy, softirq }: RampStep['cores'][number]): LoadFacts['cores'][number] => ({
  ...{ cpu, user: busy - softirq, system: 0, softirq, steal: 0, idle: 1 - busy, dropped: 0, squeezed: 0 },
})

/** A request is two packets, there and back. */
function costOf(
  path: 'direct' | 'vxlan',
  { lane, nsPerRequest }: LaneRamp,
  most: RampStep,
): LoadProfile['paths'] {
  if (!nsPerRequest) return []
  const { value, low, high } = nsPerRequest
  return [
    {
      ...{ path, lane, packets: most.served * PACKETS * SECONDS },
      ...{ nsPerPacket: value / PACKETS, lowNs: low / PACKETS, highNs: high / PACKETS },
    },
  ]
}
