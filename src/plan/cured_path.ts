// What a peer's plan makes of its sick paths: another kind of path, a smaller MTU, checksums made by the stack; and the
// words for it. PURE.

import type { Cidr } from '../base/cidr.ts'
import type { Family } from '../base/ip.ts'
import type { Fault } from '../base/result.ts'
import type { PathCure, Sickness } from './path_cures.ts'
import type { PathKind } from './peers.ts'

/** Below these no MTU helps: what the kernel itself takes as the least (min_pmtu; RFC 8200, 5). */
const LEAST_MTU_BYTES: Readonly<Record<Family, number>> = { 4: 552, 6: 1280 }

const sicknessOf = (cure: PathCure | undefined, kind: PathKind): Sickness | undefined =>
  cure?.sick.find((s) => s.kind === kind)

/** Direct packets leave by a device that is not ours: what it spoils can only be kept from it. */
function isAvoided(cure: PathCure | undefined, kind: PathKind): boolean {
  const sick = sicknessOf(cure, kind)
  return sick?.reach !== undefined || (kind === 'direct' && sick?.offload !== undefined)
}

/** Silence may be a dead agent's, of a path that goes on to carry; what else is sick is so for sure. */
const isOnlySilent = (cure: PathCure | undefined, kind: PathKind): boolean => {
  const sick = sicknessOf(cure, kind)
  return sick?.reach === 'none' && !(kind === 'direct' && sick.offload !== undefined)
}

/** Of a path whose device spoils large packets alone, small ones arrive. */
function carriesNothing(cure: PathCure | undefined, kind: PathKind): boolean {
  const sick = sicknessOf(cure, kind)
  return sick?.reach !== undefined || (kind === 'direct' && sick?.offload === 'checksum')
}

/**
 * The other kind only where it was seen to carry: a peer whose agent has died is silent on every path, and its pods may
 * be well by the one that they have. For the same reason one that was seen to carry, and is silent now, is kept: the
 * usual one is known to be broken.
 * @param isPossible whether the other kind could be taken at all
 */
export function curedKind(usual: PathKind, isPossible: boolean, cure: PathCure | undefined): PathKind {
  const other = usual === 'direct' ? 'vxlan' : 'direct'
  const mayCarry = !isAvoided(cure, other) || (isOnlySilent(cure, other) && carriesNothing(cure, usual))
  const isBetter = cure?.proven.includes(other) === true && mayCarry
  return isAvoided(cure, usual) && isPossible && isBetter ? other : usual
}

/** A tunnel that nothing goes by stands too, where it is to be seen whether it carries, or carries again. */
export const needsTunnelToStand = (usual: PathKind, cure: PathCure | undefined): boolean =>
  usual === 'vxlan' || isAvoided(cure, 'direct')

export function curedMtuBytes(
  full: number,
  kind: PathKind,
  family: Family,
  cure: PathCure | undefined,
): number {
  const found = sicknessOf(cure, kind)?.mtuBytes ?? full
  return Math.min(full, Math.max(found, LEAST_MTU_BYTES[family]))
}

/** Peers whose tunnel it is that a device spoils: of these the device itself must still be looked at. */
export const spoiltTunnels = (cures: readonly PathCure[]): ReadonlySet<string> =>
  new Set(cures.filter((c) => sicknessOf(c, 'vxlan')?.offload !== undefined).map((c) => c.peer))

/** Whether a tunnel's inner checksums are to be made before any device sees the packet. */
export const needsSoftwareChecksums = (cure: PathCure | undefined): boolean =>
  cure?.sick.some((s) => s.offload !== undefined) ?? false

export type CuredRange = {
  readonly cidr: Cidr
  readonly path: PathKind
  readonly usualPath: PathKind
  readonly mtuBytes: number
}
type Sick = {
  readonly peer: string
  readonly uplink: string
  readonly ranges: readonly CuredRange[]
  readonly cure: PathCure | undefined
}

const kindWords: Readonly<Record<PathKind, string>> = { direct: 'direct packets', vxlan: 'VXLAN' }
const reachWords: Readonly<Record<NonNullable<Sickness['reach']>, string>> = {
  'in-only': 'the peer is heard by it and does not hear this node',
  'out-only': 'the peer hears this node by it and is not heard',
  none: 'nothing comes through in either direction; or its agent is gone',
}
const offloadWords: Readonly<Record<NonNullable<Sickness['offload']>, string>> = {
  checksum: 'packets whose checksum is left to it arrive with a wrong one',
  large: 'large segments that are left to it to cut do not arrive',
}

/** In a few words what is done for this peer; undefined: nothing is, or can be. */
export function workaroundOf({ ranges, cure }: Sick): string | undefined {
  const words = new Set<string>()
  for (const { path, usualPath, mtuBytes } of ranges) {
    if (path !== usualPath) words.add(`${kindWords[path]} instead of ${kindWords[usualPath]}`)
    if (sicknessOf(cure, path)?.mtuBytes !== undefined) words.add(`MTU ${mtuBytes}`)
    if (path === 'vxlan' && needsSoftwareChecksums(cure)) words.add('checksums by the stack')
  }
  return words.size === 0 ? undefined : [...words].join(', ')
}

/** Of paths that are in use, or would be. */
export function sickPathFaults(sick: Sick): readonly Fault[] {
  const { ranges, cure } = sick
  const concerned = (kind: PathKind): boolean => ranges.some((r) => r.path === kind || r.usualPath === kind)
  return (cure?.sick ?? [])
    .filter((s) => concerned(s.kind))
    .flatMap((s) => [...reachFault(s, sick), ...mtuFault(s, sick), ...offloadFault(s, sick)])
}

/** Of so many peers each is named; where more have the same, it is this node's own, and one stands for all. */
const MOST_NAMED = 5

/** @param faults by peer */
export function gathered(faults: readonly (readonly Fault[])[]): readonly Fault[] {
  const all = faults.flat()
  return [...Map.groupBy(all, (f) => `${f.kind} ${f.object.replace(/^.* /, '')}`).values()].flatMap(
    (same) => {
      const [first] = same
      if (!first || same.length <= MOST_NAMED) return same
      return [{ ...first, object: `${first.object} and ${same.length - 1} others` }]
    },
  )
}

const objectOf = (kind: PathKind, peer: string): string => `path to ${peer} (${kind})`

function reachFault({ kind, reach }: Sickness, { peer, ranges }: Sick): Fault[] {
  if (reach === undefined) return []
  const next =
    kind === 'direct'
      ? 'see whether the network between the nodes drops addresses of pods (source checks of a cloud)'
      : 'see whether a firewall between the nodes lets the VXLAN port through in both directions'
  return [
    {
      kind: 'path-one-way',
      object: objectOf(kind, peer),
      wanted: 'packets that arrive in both directions',
      found: reachWords[reach],
      next: `${instead(kind, ranges)}; ${next}`,
    },
  ]
}

function instead(kind: PathKind, ranges: readonly CuredRange[]): string {
  const moved = ranges.find((r) => r.usualPath === kind && r.path !== kind)
  return moved
    ? `worked around by ${kindWords[moved.path]}`
    : 'no other path has been seen to carry, or may be taken'
}

function mtuFault({ kind, mtuBytes }: Sickness, { peer, ranges, uplink }: Sick): Fault[] {
  const inUse = ranges.filter((r) => r.path === kind)
  if (mtuBytes === undefined || inUse.length === 0) return []
  const smallest = Math.min(...inUse.map((r) => r.mtuBytes))
  const next =
    smallest <= mtuBytes
      ? `worked around by MTU ${smallest} on the routes to it; raise the MTU on the way, or lower that of ${uplink}`
      : `it is less than IPv6 allows: raise the MTU on the way`
  return [
    {
      kind: 'path-mtu',
      object: objectOf(kind, peer),
      wanted: `packets of pods as large as the MTU of ${uplink} lets them be, or an ICMP answer that says what fits`,
      found: `those above ${mtuBytes} bytes vanish without a word`,
      next,
    },
  ]
}

function offloadFault({ kind, offload }: Sickness, { peer, ranges, uplink }: Sick): Fault[] {
  if (offload === undefined) return []
  const next = ranges.some((r) => r.path === 'vxlan')
    ? 'worked around by the stack (tx off on podlane-vxlan, and the plain lane in every tunnel)'
    : 'no other path has been seen to carry'
  return [
    {
      kind: 'path-offload',
      object: objectOf(kind, peer),
      wanted: `packets that ${uplink} completes as it promises`,
      found: offloadWords[offload],
      next: `${next}; see «ethtool -k ${uplink}», update its driver or turn off its tx-udp_tnl and tx-checksum offloads`,
    },
  ]
}
