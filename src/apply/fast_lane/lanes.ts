// Lanes that an operator has asked for at run time, kept in a map of their own: the next agent finds them there. No
// program reads it.

import { createHash } from 'node:crypto'
import { err, ok, type Result } from '../../base/result.ts'
import type { BpfMap, MapSpec } from '../../kernel/bpf/map.ts'
import { MAP } from '../../kernel/bpf/map.ts'
import type { Lane } from '../../plan/fast_lane.ts'
import { lane } from './abi.ts'
import { laneNumber } from './path_value.ts'
import { Table } from './table.ts'

export const lanesSpec: MapSpec = {
  name: 'lanes',
  type: MAP.HASH,
  keySize: 16,
  valueSize: 4,
  maxEntries: 8192,
  flags: 1,
}

export type Lanes = {
  /** Of a peer by its node's name; of the whole node if undefined. */
  readonly wish: (peer: string | undefined) => Lane | undefined
  /** Undefined: what the config says. */
  readonly set: (peer: string | undefined, wish: Lane | undefined) => Result<void>
}

/** Names are up to 253 characters long. */
const keyOf = (peer: string | undefined): Buffer =>
  createHash('sha256')
    .update(peer === undefined ? 'node' : `peer ${peer}`)
    .digest()
    .subarray(0, lanesSpec.keySize)

export function openLanes(map: BpfMap): Lanes {
  const table = new Table(map)
  return {
    wish: (peer) => {
      const value = table.get(keyOf(peer))?.readUInt32LE(0)
      return value === undefined ? undefined : value === lane.LANE_FAST ? 'fast' : 'plain'
    },
    set: (peer, wish) => {
      const key = keyOf(peer)
      if (wish === undefined) {
        table.delete(key)
        return ok(undefined)
      }
      const value = Buffer.alloc(lanesSpec.valueSize)
      value.writeUInt32LE(laneNumber(wish))
      const written = table.set(key, value)
      return typeof written === 'boolean' ? ok(undefined) : err(written)
    },
  }
}
