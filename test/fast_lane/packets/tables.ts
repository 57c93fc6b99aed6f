// What the flow tables hold, as plain values.

import { hopState, lane, layouts, reason } from '../../../src/apply/fast_lane/abi.ts'
import { addressKey, indexKey } from '../../../src/apply/fast_lane/values.ts'
import type { Ip } from '../../../src/base/ip.ts'
import type { Bed } from './bed.ts'

export type FlowRow = {
  readonly key: string
  readonly lane: 'plain' | 'fast'
  readonly reason: number
  readonly path: number
  readonly state: number
  readonly epoch: number
  readonly sides: readonly { readonly index: number; readonly bucket: number }[]
}

export function tableOf(bed: Bed, name: 'flows' | 'half_open'): FlowRow[] {
  const at = layouts.flow
  return [...bed.map(name).entries()].map(([key, value]) => ({
    key: key.toString('hex'),
    lane: value[at.lane.at] === lane.LANE_FAST ? 'fast' : 'plain',
    reason: value[at.reason.at] ?? reason.REASON_NONE,
    path: value.readUInt32LE(at.path.at),
    state: value.readUInt32LE(at.state.at),
    epoch: value.readUInt32LE(at.epoch.at),
    sides: [0, 1].map((i) => {
      const side = at.side.at + i * at.side.size
      return {
        index: value.readUInt32LE(side + layouts.flow_side.ifindex.at),
        bucket: value.readUInt16LE(side + layouts.flow_side.bucket.at),
      }
    }),
  }))
}

/** How many wait, and how many work. */
export const sizes = (bed: Bed): { readonly waiting: number; readonly working: number } => ({
  waiting: [...bed.map('half_open').entries()].length,
  working: [...bed.map('flows').entries()].length,
})

export function hopOf(bed: Bed, ip: Ip): 'good' | 'moved' | undefined {
  const neighbour = bed.map('neighbours').lookup(addressKey(ip))
  if (!neighbour) return undefined
  const value = bed.map('hops').lookup(indexKey(neighbour.readUInt32LE(layouts.neighbour.hop.at)))
  return value?.readUInt32LE(layouts.hop.state.at) === hopState.HOP_MOVED ? 'moved' : 'good'
}
