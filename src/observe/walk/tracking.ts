// The connection tracking entry of a packet. Without the sender's port the table is searched, if it is not too large.

import { readFileSync } from 'node:fs'
import { familyOf } from '../../base/ip.ts'
import type { NetlinkSocket } from '../../kernel/netlink/socket.ts'
import { findTracked, type Tracked, type Tuple, trackedOf } from '../../kernel/nft/tracked.ts'
import type { Packet } from '../../schema/walk.ts'
import { PROTOCOL_NUMBER } from './protocols.ts'

/** Reading one entry of a dump takes about a microsecond, the kernel's part included some three. */
const MOST_SEARCHED = 10_000

export type ReadTracking = { readonly tracked: Tracked | undefined; readonly notes: readonly string[] }

export function readTracking(socket: NetlinkSocket, packet: Packet): ReadTracking {
  const family = familyOf(packet.source)
  const protocol = PROTOCOL_NUMBER[packet.protocol][family]
  const { source, destination, sourcePort, port } = packet
  if (packet.protocol !== 'icmp' && sourcePort !== undefined && port !== undefined)
    return { tracked: findTracked(socket, { source, destination, protocol, sourcePort, port }), notes: [] }
  const entries = trackedEntries()
  if (entries > MOST_SEARCHED)
    return {
      tracked: undefined,
      notes: [`${entries} tracked flows were not searched: name the sender’s port with --sport`],
    }
  const is = (t: Tuple): boolean =>
    t.source === source &&
    t.destination === destination &&
    t.protocol === protocol &&
    (packet.protocol === 'icmp' || port === undefined || t.port === port)
  const found = trackedOf(socket, family, [source, destination])
  // A flow that this packet begins or goes on with, else one that it answers.
  return { tracked: found.find((f) => is(f.original)) ?? found.find((f) => is(f.reply)), notes: [] }
}

function trackedEntries(): number {
  try {
    return Number(readFileSync('/proc/sys/net/netfilter/nf_conntrack_count', 'utf8'))
  } catch {
    return 0
  }
}
