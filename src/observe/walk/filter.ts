// What our own nft tables say about one packet: whether its ends are in the sets that the rules look at, and what the
// named counters have counted.

import type { IfIndex } from '../../base/ifindex.ts'
import { familyOf, type Ip, ipFromBytes } from '../../base/ip.ts'
import { type Mac, parseMac } from '../../base/mac.ts'
import type { NetlinkSocket } from '../../kernel/netlink/socket.ts'
import { getCounters, parseCounter } from '../../kernel/nft/counter.ts'
import {
  fields,
  getElement,
  ipField,
  macField,
  numberField,
  parseElements,
  portField,
  protocolField,
  type ReadElement,
} from '../../kernel/nft/element.ts'
import { NFT_TABLE } from '../../plan/ownership.ts'
import { tunnelSet } from '../../plan/ruleset.ts'
import type { Packet, Wire } from '../../schema/walk.ts'
import type { FilterFacts } from './facts.ts'
import { PROTOCOL_NUMBER } from './protocols.ts'

export type FilterQuestion = {
  readonly packet: Packet
  /** Of the pod that sends it. */
  readonly from?: { readonly index: IfIndex; readonly mac: Mac }
  readonly wire?: Wire
  /** Its destination is an address of this node. */
  readonly isLocal: boolean
}

type Find = (set: string, ...parts: readonly Uint8Array[]) => ReadElement | undefined

const finder =
  (socket: NetlinkSocket): Find =>
  (set, ...parts) => {
    const answer = socket.request(getElement({ family: 'inet', table: NFT_TABLE, set }, fields(...parts)))
    return answer.ok ? answer.replies.flatMap(parseElements)[0] : undefined
  }

/** About where it goes once it is translated. */
export function readTargetSets(
  socket: NetlinkSocket,
  ip: Ip,
): Pick<FilterFacts, 'targetIsNode' | 'targetUnmasqueraded'> {
  const has = (set: string): boolean => finder(socket)(`${set}${familyOf(ip)}`, ipField(ip)) !== undefined
  return { targetUnmasqueraded: has('unmasqueraded'), targetIsNode: has('node_addresses') }
}

export function readFilter(
  socket: NetlinkSocket,
  { packet, from, wire, isLocal }: FilterQuestion,
): Omit<FilterFacts, 'targetIsNode' | 'targetUnmasqueraded'> {
  const element = finder(socket)
  const has = (set: string, ...parts: readonly Uint8Array[]): boolean => element(set, ...parts) !== undefined
  const { source, destination, port } = packet
  const v = familyOf(source)
  const [from_, to] = [ipField(source), ipField(destination)]
  const outer = wire?.outer
  const w = outer && familyOf(outer.source)
  const isForPort = packet.protocol !== 'icmp' && port !== undefined
  const target = isForPort ? [protocolField(PROTOCOL_NUMBER[packet.protocol][v]), portField(port)] : []
  const mapped =
    isForPort && isLocal && isLocal
      ? (element(`host_ip_ports${v}`, to, ...target) ?? element(`host_ports${v}`, ...target))
      : undefined
  return {
    sourceIsPods:
      from !== undefined && has(`pod_sources${v}`, numberField(from.index), macField(from.mac), from_),
    sourceInCluster: has(`cluster_ranges${v}`, from_),
    sourceIsOwn: has(`own_ranges${v}`, from_),
    sourceIsTunnelEnd: has(`tunnel_ends${v}`, from_),
    senderIsNodes: outer
      ? has(tunnelSet(v, familyOf(outer.source)), ipField(outer.source), from_)
      : macOf(wire) !== undefined && has(`direct_sources${v}`, macField(macOf(wire) as Mac), from_),
    outerSourceIsNode: outer !== undefined && has(`node_addresses${w}`, ipField(outer.source)),
    outerDestinationIsNode: outer !== undefined && has(`node_addresses${w}`, ipField(outer.destination)),
    hostPort: mapped?.data && readTarget(mapped.data, v),
    drops: readCounters(socket),
  }
}

function macOf(wire: Wire | undefined): Mac | undefined {
  const mac = wire?.sourceMac === undefined ? undefined : parseMac(wire.sourceMac)
  return mac?.ok ? mac.value : undefined
}

/** An address and a port, as the maps of hostPorts hold them. */
function readTarget(data: Uint8Array, v: 4 | 6): { readonly to: Ip; readonly port: number } {
  const bytes = v === 4 ? 4 : 16
  const port = ((data[bytes] ?? 0) << 8) | (data[bytes + 1] ?? 0)
  return { to: ipFromBytes(data.subarray(0, bytes)), port }
}

function readCounters(socket: NetlinkSocket): ReadonlyMap<string, number> | undefined {
  const counters = socket.dump(getCounters('inet', NFT_TABLE)).flatMap((body) => parseCounter(body) ?? [])
  return counters.length === 0 ? undefined : new Map(counters.map((c) => [c.name, c.packets]))
}
