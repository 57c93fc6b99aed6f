// The node's one VXLAN device with its addresses and forwarding entries. The device is ours by name and group; a
// foreign link of that name is left alone and named.

import type { IfIndex } from '../base/ifindex.ts'
import { bitsOf, familyOf, type Ip } from '../base/ip.ts'
import type { Fault } from '../base/result.ts'
import { EADDRNOTAVAIL, ENODEV, ENOENT } from '../kernel/errno.ts'
import { type AddressRow, addAddress, delAddress } from '../kernel/netlink/address.ts'
import { addVxlan, delLink, getLinkByName, type LinkRow, parseLink, setLink } from '../kernel/netlink/link.ts'
import { delFdb, type FdbRow, getFdb, parseFdb, setFdb } from '../kernel/netlink/neighbour.ts'
import type { NetlinkSocket } from '../kernel/netlink/socket.ts'
import type { DesiredFdb, DesiredVxlan } from '../plan/network.ts'
import { VXLAN_GROUP, VXLAN_LINK } from '../plan/ownership.ts'
import { byKey, difference } from './difference.ts'
import { merged, nothing, type Outcome, write } from './outcome.ts'

const LINK_LOCAL_SCOPE = 253
const SMALLEST_MTU_6 = 1280

export type VxlanState = Outcome & {
  readonly link: LinkRow | undefined
  /** What trying again soon would not change, and nobody needs for the usual paths. */
  readonly complaints: readonly Fault[]
}
/** No complaint. */
const content = { ...nothing, complaints: [] }

/** Loose reverse path: replies may come by another path than requests went while two nodes change over. */
const SWITCHES = { reversePathFilter: 2, sendRedirects: 0 } as const

export function applyVxlanLink(
  socket: NetlinkSocket,
  have: LinkRow | undefined,
  want: DesiredVxlan | undefined,
  sweep: boolean,
): VxlanState {
  if (have && (have.kind !== 'vxlan' || have.group !== VXLAN_GROUP)) {
    return { ...content, link: undefined, faults: want ? [foreignFault(have)] : [] }
  }
  if (!want) {
    if (!have || !sweep) return { ...content, link: have }
    return { ...content, ...write(socket, 'remove', [delLink(have.index)], [ENODEV]), link: undefined }
  }
  if (have && sameDevice(have, want)) {
    const mtu = have.mtuBytes === want.mtuBytes ? [] : [setLink(have.index, { mtuBytes: want.mtuBytes })]
    const up = have.up ? [] : [setLink(have.index, { up: true })]
    return withDevice(have, write(socket, 'change', [...mtu, ...up]), want)
  }
  const removed = have ? write(socket, 'remove', [delLink(have.index)], [ENODEV]) : nothing
  // One write: a crash leaves either no device or a whole one.
  const made = write(socket, 'add', [
    addVxlan(want),
    setLink(want.name, { noLinkLocal: true, ipv4: SWITCHES }),
    setLink(want.name, { up: true }),
  ])
  const read = socket.request(getLinkByName(want.name))
  const link = read.ok && read.replies[0] ? parseLink(read.replies[0]) : undefined
  return withDevice(link, merged([removed, made]), want)
}

/** A device that is not whole carries nothing: the other refusals would only repeat the first. */
function withDevice(link: LinkRow | undefined, outcome: Outcome, want: DesiredVxlan): VxlanState {
  const [first] = outcome.faults
  if (!first) return { ...content, ...outcome, link }
  const refused = { ...content, ...outcome, link: undefined }
  if (errnoOf(first) !== 'EADDRINUSE') return { ...refused, faults: [first] }
  // The next look tries again anyway.
  return want.isForCuresOnly
    ? { ...refused, faults: [], complaints: [portFault(want)] }
    : { ...refused, faults: [portFault(want)] }
}

const errnoOf = (f: Fault): string | undefined => f.found.split(' ')[0]

const portFault = (want: DesiredVxlan): Fault => ({
  kind: 'port-taken',
  object: `link ${want.name}`,
  wanted: `UDP port ${want.port} for the tunnel`,
  found: 'another program or VXLAN device has it',
  next: 'see «ss -lnup» and «ip -d link show type vxlan»; stop it, or set another vxlan.port on every node',
})

/** What cannot be changed in a standing device: it is made anew. */
const sameDevice = (have: LinkRow, want: DesiredVxlan): boolean =>
  // Below its smallest MTU IPv6 leaves a device, and comes back with its defaults.
  (have.mtuBytes >= SMALLEST_MTU_6 || want.mtuBytes < SMALLEST_MTU_6) &&
  have.mac === want.mac &&
  have.vxlan?.vni === want.vni &&
  have.vxlan.port === want.port &&
  have.vxlan.local === want.local &&
  !have.vxlan.learning &&
  !have.vxlan.udpChecksum &&
  have.vxlan.zeroChecksum6Tx &&
  have.vxlan.zeroChecksum6Rx

const foreignFault = (have: LinkRow): Fault => ({
  kind: 'foreign-link',
  object: `link ${VXLAN_LINK}`,
  wanted: 'the name for our VXLAN device',
  found: `a ${have.kind ?? 'hardware'} link of group ${have.group} that is not ours`,
  next: 'rename or remove that link; nodes behind a router are out of reach until then',
})

export function applyVxlanAddresses(
  socket: NetlinkSocket,
  device: IfIndex,
  have: readonly AddressRow[],
  want: readonly Ip[],
  sweep: boolean,
): Outcome {
  const full = (ip: Ip) => ({ index: device, ip, prefixLength: bitsOf(familyOf(ip)) })
  const standing = have.filter((a) => a.index === device && a.scope !== LINK_LOCAL_SCOPE)
  const diff = difference(
    byKey(standing, (a) => a.ip),
    byKey(want, (ip) => ip),
    () => true,
  )
  return merged([
    sweep ? write(socket, 'remove', diff.surplus.map(delAddress), [EADDRNOTAVAIL]) : nothing,
    write(
      socket,
      'add',
      diff.missing.map((ip) => addAddress(full(ip))),
    ),
  ])
}

export function applyFdb(
  socket: NetlinkSocket,
  device: IfIndex,
  want: readonly DesiredFdb[],
  sweep: boolean,
): Outcome {
  const have = socket
    .dump(getFdb(device))
    .map(parseFdb)
    .filter((f) => f !== undefined)
    .filter((f) => f.device === device)
  const wanted = byKey(
    want.map((f) => ({ device, mac: f.mac, dst: f.dst })),
    (f) => f.mac,
  )
  // Several destinations of one MAC would each get a copy: surplus ones of a wanted MAC go too.
  const isStray = (f: FdbRow): boolean => (wanted.get(f.mac)?.dst ?? f.dst) !== f.dst
  const strays = have.filter(isStray)
  const standing = byKey(
    have.filter((f) => !isStray(f)),
    (f) => f.mac,
  )
  const diff = difference(standing, wanted, () => true)
  return merged([
    write(socket, 'remove', [...strays, ...(sweep ? diff.surplus : [])].map(delFdb), [ENOENT]),
    write(socket, 'add', diff.missing.map(setFdb)),
  ])
}
