// What the fast lane's maps say about one packet, read from their pins: its ends, its flow, the path and its next hop.

import { join } from 'node:path'
import {
  endpointFlags,
  flowState,
  hopState,
  lane,
  layouts,
  PATH_LOCAL,
  pathKind,
  reasonWords,
} from '../../apply/fast_lane/abi.ts'
import { addressKey, bucketOf, indexKey } from '../../apply/fast_lane/values.ts'
import { type Ip, ipFromBytes } from '../../base/ip.ts'
import { type Mac, macFromBytes } from '../../base/mac.ts'
import { type BpfMap, openPinnedMap } from '../../kernel/bpf/map.ts'
import type { Packet } from '../../schema/walk.ts'
import type { EndpointFact, FlowFact, LaneFacts, LanePath } from './facts.ts'
import { type FoundFlow, findFlow } from './flow.ts'

const NAMES = ['flows', 'half_open', 'endpoints', 'ranges', 'paths', 'hops', 'epochs'] as const
export type LaneMaps = Readonly<Record<(typeof NAMES)[number], BpfMap>>

export type ReadLane = { readonly facts: LaneFacts | undefined; readonly notes: readonly string[] }

/**
 * @param folder of the fast lane, on a bpffs
 * @param far the packet's end that is not here
 */
export function readLane(folder: string, packet: Packet, far: Ip): ReadLane {
  const maps = openMaps(join(folder, 'maps'))
  if (!maps) return { facts: undefined, notes: ['the fast lane has no maps here: it could not be loaded'] }
  try {
    const search = findFlow(maps, packet)
    const found = search.flow
    const flow = found && readFlow(maps, found)
    const index = flow?.current ? found?.value.readUInt32LE(layouts.flow.path.at) : pathIndexTo(maps, far)
    const facts: LaneFacts = {
      source: readEndpoint(maps, packet.source),
      destination: readEndpoint(maps, packet.destination),
      here: readPath(maps, PATH_LOCAL),
      path: index === undefined || index === PATH_LOCAL ? undefined : readPath(maps, index),
      flow,
    }
    return { facts, notes: search.notes }
  } finally {
    for (const map of Object.values(maps)) map.close()
  }
}

function openMaps(folder: string): LaneMaps | undefined {
  const out = new Map<string, BpfMap>()
  for (const name of NAMES) {
    const opened = openPinnedMap(join(folder, name))
    if (opened.ok && opened.value) out.set(name, opened.value)
  }
  const { flows, half_open, endpoints, ranges, paths, hops, epochs } = Object.fromEntries(out)
  if (flows && half_open && endpoints && ranges && paths && hops && epochs)
    return { flows, half_open, endpoints, ranges, paths, hops, epochs }
  for (const map of out.values()) map.close()
  return undefined
}

function readEndpoint({ endpoints }: LaneMaps, ip: Ip): EndpointFact | undefined {
  const value = endpoints.lookup(addressKey(ip))
  const { ifindex, flags, mac } = layouts.endpoint
  return (
    value && {
      index: value.readUInt32LE(ifindex.at),
      limited: (value.readUInt32LE(flags.at) & endpointFlags.ENDPOINT_LIMITED) !== 0,
      mac: macFromBytes(value.subarray(mac.at, mac.at + mac.count)),
    }
  )
}

/** The longest prefix that holds the address, as the programs look for it. */
function pathIndexTo({ ranges }: LaneMaps, ip: Ip): number | undefined {
  const { prefix_length, address, size } = layouts.range_key
  const key = Buffer.alloc(size)
  key.writeUInt32LE(128, prefix_length.at)
  key.set(addressKey(ip), address.at)
  return ranges.lookup(key)?.readUInt32LE(0)
}

function readPath(maps: LaneMaps, index: number): LanePath | undefined {
  const value = maps.paths.lookup(indexKey(index))
  if (!value) return undefined
  const at = layouts.path
  const kind = value.readUInt32LE(at.kind.at)
  const hop = value.readUInt32LE(at.hop.at)
  const header = value.subarray(at.header.at, at.header.at + at.header.count)
  return {
    kind: kind === pathKind.PATH_HERE ? 'here' : kind === pathKind.PATH_DIRECT ? 'direct' : 'vxlan',
    lane: value.readUInt32LE(at.lane.at) === lane.LANE_FAST ? 'fast' : 'plain',
    device: value.readUInt32LE(at.ifindex.at),
    mtuBytes: value.readUInt32LE(at.mtu_bytes.at),
    hop: hop === 0 ? 'none' : isGood(maps, hop) ? 'good' : 'moved',
    hopMac: macAt(header, 0),
    ownMac: macAt(header, 6),
    peer: ipAt(value, at.peer.at),
    own: ipAt(value, at.own.at),
    directMac: macAt(value, at.direct_mac.at),
  }
}

const isGood = ({ hops }: LaneMaps, hop: number): boolean =>
  hops.lookup(indexKey(hop))?.readUInt32LE(layouts.hop.state.at) === hopState.HOP_GOOD

function macAt(bytes: Buffer, at: number): Mac | undefined {
  const mac = bytes.subarray(at, at + 6)
  return mac.every((b) => b === 0) ? undefined : macFromBytes(mac)
}

/** IPv4 is mapped into IPv6. */
function ipAt(bytes: Buffer, at: number): Ip {
  const isMapped =
    bytes.readUInt32BE(at) === 0 && bytes.readUInt32BE(at + 4) === 0 && bytes.readUInt32BE(at + 8) === 0xffff
  return ipFromBytes(bytes.subarray(isMapped ? at + 12 : at, at + 16))
}

function readFlow(maps: LaneMaps, { table, key, value, sourcePort }: FoundFlow): FlowFact {
  const at = layouts.flow
  const isFast = value.readUInt8(at.lane.at) === lane.LANE_FAST
  const state = value.readUInt32LE(at.state.at)
  const both = flowState.SEEN | (flowState.SEEN << 1)
  return {
    table,
    lane: isFast ? 'fast' : 'plain',
    why: isFast ? '' : (reasonWords.get(value.readUInt8(at.reason.at))?.[1] ?? 'no reason is known'),
    current: value.readUInt32LE(at.epoch.at) === epochOf(maps, key),
    sourcePort,
    bothSeen: (state & both) === both,
  }
}

/** The sum of both ends' present epochs. */
function epochOf({ epochs }: LaneMaps, key: Buffer): number {
  const sum = [0, 16].reduce((n, at) => {
    const bucket = bucketOf(key.subarray(at, at + 16))
    return n + (epochs.lookup(indexKey(bucket))?.readUInt32LE(0) ?? 0)
  }, 0)
  return sum % 2 ** 32
}
