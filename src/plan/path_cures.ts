// From observations of paths to what is to be done about them, as values that the plan of peers obeys. Every symptom of
// every path is followed by itself (hysteresis.ts). PURE.

import { ageLevel, fullLevel, type Level, observeLevel } from './hysteresis.ts'
import type { PathHealth, Reach } from './path_health.ts'
import type { PathKind } from './peers.ts'

/** What is wrong with one kind of path to a peer; an absent key is well, or not known. */
export type Sickness = {
  readonly kind: PathKind
  readonly reach?: Exclude<Reach, 'both' | 'unknown'>
  /** Larger packets of pods vanish. */
  readonly mtuBytes?: number
  /** Packets whose checksum is left to a device do not arrive whole. */
  readonly checksum?: true
}

/** Of a peer that has at least one sick path. */
export type PathCure = { readonly peer: string; readonly sick: readonly Sickness[] }

const SYMPTOMS = ['reach', 'mtu', 'checksum'] as const
type Symptom = (typeof SYMPTOMS)[number]
/** What reach and checksum are, when they are whole. */
const WHOLE = 1
/** Passes nearly everywhere, since IPv6 asks for it (RFC 8200, 5). */
const MTU_WHERE_UNKNOWN_BYTES = 1280

type Track = {
  readonly peer: string
  readonly kind: PathKind
  readonly symptom: Symptom
  readonly level: Level
  readonly full: number
  /** As last seen broken. */
  readonly reach: Sickness['reach']
}

/** BOUNDED by peers × path kinds × symptoms: what nobody observes any more is forgotten. */
export type CureState = ReadonlyMap<string, Track>
export const noCures: CureState = new Map()

/**
 * @param fullMtuBytes what a path of that kind carries when it is well; undefined while that is not known
 * @param nowMs not before that of the last call; an empty `health` only lets time pass
 */
export function observePaths(
  before: CureState,
  health: readonly PathHealth[],
  fullMtuBytes: (kind: PathKind) => number | undefined,
  nowMs: number,
): CureState {
  const after = new Map<string, Track>()
  for (const [key, track] of before) {
    const level = ageLevel(track.level, track.full, nowMs)
    if (level) after.set(key, { ...track, level })
  }
  for (const one of health)
    for (const symptom of SYMPTOMS) {
      const full = symptom === 'mtu' ? fullMtuBytes(one.kind) : WHOLE
      const level = levelOf(one, symptom)
      if (full === undefined || level === undefined) continue
      const key = `${one.peer} ${one.kind} ${symptom}`
      after.set(key, follow(after.get(key), one, { symptom, level, full, nowMs }))
    }
  return after
}

type Seen = {
  readonly symptom: Symptom
  readonly level: number
  readonly full: number
  readonly nowMs: number
}

function follow(known: Track | undefined, health: PathHealth, seen: Seen): Track {
  const { symptom, level, full, nowMs } = seen
  const { peer, kind, reach } = health
  // With another MTU of the uplink what was learnt of the old one does not count.
  const start = known?.full === full ? known.level : fullLevel(full, nowMs)
  return {
    ...{ peer, kind, symptom, full },
    level: observeLevel(start, level, full, nowMs),
    reach: reach === 'both' || reach === 'unknown' ? known?.reach : reach,
  }
}

/** Undefined: the observation says nothing about it. */
function levelOf({ reach, checksum, large, trueMtuBytes }: PathHealth, symptom: Symptom): number | undefined {
  switch (symptom) {
    case 'reach':
      return reach === 'unknown' ? undefined : reach === 'both' ? WHOLE : 0
    case 'mtu':
      return trueMtuBytes ?? (large === 'broken' && reach === 'both' ? MTU_WHERE_UNKNOWN_BYTES : undefined)
    case 'checksum':
      return checksum === 'unknown' ? undefined : checksum === 'ok' ? WHOLE : 0
  }
}

/** By name: states with the same cures give equal values. */
export function curesOf(state: CureState): readonly PathCure[] {
  const sick = [...state.values()].filter((t) => t.level.held < t.full)
  return [...Map.groupBy(sick, (t) => t.peer)]
    .map(([peer, tracks]) => ({ peer, sick: KINDS.flatMap((kind) => sicknessOf(kind, tracks)) }))
    .sort((a, b) => (a.peer < b.peer ? -1 : 1))
}
const KINDS = ['direct', 'vxlan'] as const

function sicknessOf(kind: PathKind, tracks: readonly Track[]): Sickness[] {
  const own = tracks.filter((t) => t.kind === kind)
  if (own.length === 0) return []
  const of = (symptom: Symptom): Track | undefined => own.find((t) => t.symptom === symptom)
  const [reach, mtu] = [of('reach'), of('mtu')]
  return [
    {
      kind,
      ...(reach?.reach ? { reach: reach.reach } : {}),
      ...(mtu ? { mtuBytes: mtu.level.held } : {}),
      ...(of('checksum') ? { checksum: true } : {}),
    },
  ]
}
