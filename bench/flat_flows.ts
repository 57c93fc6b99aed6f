// Other flows in a node's table, as the programs write them: valid by their epochs, each between a pod of this node and
// one of another.

import { flowState, lane, layouts } from '../src/apply/fast_lane/abi.ts'
import { addressKey, bucketOf } from '../src/apply/fast_lane/values.ts'
import { parseIp } from '../src/base/ip.ts'
import { macBytes } from '../src/base/mac.ts'
import { must } from '../src/base/result.ts'
import type { BpfMap } from '../src/kernel/bpf/map.ts'
import type { Flow } from './flat_frames.ts'
import { POD_MAC } from './flat_world.ts'

const TCP = 6
const CHUNK = 20_000

export type FlowMaps = { readonly flows: BpfMap; readonly epochs: BpfMap; readonly ranges: BpfMap }

/** @param link of every pod */
export function writeFlows(maps: FlowMaps, flows: readonly Flow[], link: number): void {
  const epochs = [...maps.epochs.entries()].map(([, value]) => value.readUInt32LE(0))
  const paths = new Map<string, number>()
  const pathTo = (remote: string): number => {
    const range = remote.slice(0, remote.lastIndexOf('.'))
    const known = paths.get(range) ?? longestMatch(maps.ranges, remote)
    paths.set(range, known)
    return known
  }
  for (let from = 0; from < flows.length; from += CHUNK)
    must(
      maps.flows.updateBatch(
        flows.slice(from, from + CHUNK).map((flow) => entryOf(flow, link, pathTo(flow.remote), epochs)),
      ),
    )
}

function longestMatch(ranges: BpfMap, remote: string): number {
  const key = Buffer.alloc(layouts.range_key.size)
  key.writeUInt32LE(128, layouts.range_key.prefix_length.at)
  key.set(addressKey(must(parseIp(remote))), layouts.range_key.address.at)
  const found = ranges.lookup(key)
  if (!found) throw new Error(`no range has ${remote}`)
  return found.readUInt32LE(0)
}

function entryOf(flow: Flow, link: number, path: number, epochs: readonly number[]): [Buffer, Buffer] {
  const pod = addressKey(must(parseIp(flow.pod)))
  const remote = addressKey(must(parseIp(flow.remote)))
  const podSide = podIsSecond(pod, remote) ? 1 : 0
  return [keyOf(flow, [pod, remote], podSide), entryValue([pod, remote], podSide, link, path, epochs)]
}

/** In the order of the programs: by little-endian words. */
function podIsSecond(pod: Buffer, remote: Buffer): boolean {
  for (const at of [0, 8]) {
    const [a, b] = [pod.readBigUInt64LE(at), remote.readBigUInt64LE(at)]
    if (a !== b) return a > b
  }
  return false
}

type Ends = readonly [pod: Buffer, remote: Buffer]

function keyOf(flow: Flow, [pod, remote]: Ends, podSide: 0 | 1): Buffer {
  const { size, address, port, protocol } = layouts.flow_key
  const key = Buffer.alloc(size)
  key.set(pod, address.at + 16 * podSide)
  key.set(remote, address.at + 16 * (1 - podSide))
  key.writeUInt16BE(flow.podPort, port.at + 2 * podSide)
  key.writeUInt16BE(flow.remotePort, port.at + 2 * (1 - podSide))
  key[protocol.at] = TCP
  return key
}

function entryValue(
  [pod, remote]: Ends,
  podSide: 0 | 1,
  link: number,
  path: number,
  epochs: readonly number[],
): Buffer {
  const { side, size, epoch, path: pathField, source_port, lane: laneField, state } = layouts.flow
  const { ifindex, mac, bucket } = layouts.flow_side
  const buckets = [bucketOf(pod), bucketOf(remote)] as const
  const value = Buffer.alloc(size)
  const podAt = side.at + podSide * side.size
  const remoteAt = side.at + (1 - podSide) * side.size
  value.writeUInt32LE(link, podAt + ifindex.at)
  value.set(macBytes(POD_MAC), podAt + mac.at)
  value.writeUInt16LE(buckets[0], podAt + bucket.at)
  value.writeUInt16LE(buckets[1], remoteAt + bucket.at)
  value.writeUInt32LE(((epochs[buckets[0]] ?? 0) + (epochs[buckets[1]] ?? 0)) >>> 0, epoch.at)
  value.writeUInt32LE(path, pathField.at)
  value.writeUInt16BE(0xc001, source_port.at)
  value[laneField.at] = lane.LANE_FAST
  value.writeUInt32LE((flowState.SEEN * 3) | flowState.BEGUN, state.at)
  return value
}
