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
  /** Of packets that a device is to complete, those with a checksum, or those to be cut, do not arrive whole. */
  readonly offload?: 'checksum' | 'large'
}

/** Of a peer that has at least one sick path. */
export type PathCure = {
  readonly peer: string
  readonly sick: readonly Sickness[]
  /** Kinds that have been seen to carry packets since another does not. Silence alone may be a dead agent's. */
  readonly proven: readonly PathKind[]
}

const KINDS = ['direct', 'vxlan'] as const
const SYMPTOMS = ['reach', 'mtu', 'offload'] as const
type Symptom = (typeof SYMPTOMS)[number]
/** What reach and offload are, when they are whole. */
const WHOLE = 1
/** Two paths that end together are not seen to end in the same moment. */
const PROOF_MS = 1_500

type Track = {
  readonly peer: string
  readonly kind: PathKind
  readonly symptom: Symptom
  readonly level: Level
  readonly full: number
  /** As last seen broken. */
  readonly reach: Sickness['reach']
  readonly offload: Sickness['offload']
}
/** Since when a kind carries, and whether that is long enough to go by it. */
type Proof = { readonly sinceMs: number; readonly isEnough: boolean }

export type CureState = {
  /** BOUNDED by peers × kinds × symptoms: those that are, or were lately, not well. */
  readonly tracks: ReadonlyMap<string, Track>
  /** By peer and kind. BOUNDED by the peers that have a track. */
  readonly proofs: ReadonlyMap<string, Proof>
}
export const noCures: CureState = { tracks: new Map(), proofs: new Map() }

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
  const tracks = new Map<string, Track>()
  for (const [key, track] of before.tracks) {
    const level = ageLevel(track.level, track.full, nowMs)
    if (level) tracks.set(key, { ...track, level })
  }
  for (const one of health)
    for (const symptom of SYMPTOMS) {
      const full = symptom === 'mtu' ? fullMtuBytes(one.kind) : WHOLE
      const level = levelOf(one, symptom)
      if (full === undefined || level === undefined) continue
      const key = `${one.peer} ${one.kind} ${symptom}`
      const known = tracks.get(key)
      // Of a thousand well peers nothing need be remembered.
      if (!known && level >= full) continue
      tracks.set(key, follow(known, one, { symptom, level, full, nowMs }))
    }
  return { tracks, proofs: proofsOf(before.proofs, tracks, health, nowMs) }
}

type Seen = {
  readonly symptom: Symptom
  readonly level: number
  readonly full: number
  readonly nowMs: number
}

function follow(known: Track | undefined, health: PathHealth, seen: Seen): Track {
  const { symptom, level, full, nowMs } = seen
  const { peer, kind, reach, checksum, large } = health
  // With another MTU of the uplink what was learnt of the old one does not count.
  const start = known?.full === full ? known.level : fullLevel(full, nowMs)
  return {
    ...{ peer, kind, symptom, full },
    level: observeLevel(start, level, full, nowMs),
    reach: reach === 'both' || reach === 'unknown' ? known?.reach : reach,
    offload: checksum === 'broken' ? 'checksum' : large === 'broken' ? 'large' : known?.offload,
  }
}

/** Undefined: the observation says nothing about it. */
function levelOf({ reach, checksum, large, trueMtuBytes }: PathHealth, symptom: Symptom): number | undefined {
  switch (symptom) {
    case 'reach':
      return reach === 'unknown' ? undefined : reach === 'both' ? WHOLE : 0
    case 'mtu':
      return trueMtuBytes
    case 'offload':
      if (checksum === 'broken' || large === 'broken') return 0
      return checksum === 'ok' ? WHOLE : undefined
  }
}

function proofsOf(
  before: CureState['proofs'],
  tracks: ReadonlyMap<string, Track>,
  health: readonly PathHealth[],
  nowMs: number,
): CureState['proofs'] {
  const after = new Map<string, Proof>()
  // A path that only wants a smaller MTU is no reason to leave it: what is seen beside it proves nothing for later.
  const leaves = (track: Track): boolean => isSick(track) && track.symptom !== 'mtu'
  const sick = new Set([...tracks.values()].filter(leaves).map((t) => t.peer))
  if (sick.size === 0) return after
  for (const [key, proof] of before) if (sick.has(key.slice(0, key.lastIndexOf(' ')))) after.set(key, proof)
  for (const { peer, kind, reach } of health) {
    const key = `${peer} ${kind}`
    const proof = after.get(key)
    // What was proven holds until it is sick itself: one lost probe is no reason to go back.
    if (!sick.has(peer) || proof?.isEnough) continue
    const sinceMs = proof?.sinceMs ?? nowMs
    if (reach === 'both') after.set(key, { sinceMs, isEnough: nowMs - sinceMs >= PROOF_MS })
    else after.delete(key)
  }
  return after
}

const isSick = (track: Track): boolean => track.level.held < track.full

/** By name: states with the same cures give equal values. */
export function curesOf({ tracks, proofs }: CureState): readonly PathCure[] {
  const sick = [...tracks.values()].filter(isSick)
  return [...Map.groupBy(sick, (t) => t.peer)]
    .map(([peer, own]) => ({
      peer,
      sick: KINDS.flatMap((kind) => sicknessOf(kind, own)),
      proven: KINDS.filter((kind) => proofs.get(`${peer} ${kind}`)?.isEnough),
    }))
    .sort((a, b) => (a.peer < b.peer ? -1 : 1))
}

function sicknessOf(kind: PathKind, tracks: readonly Track[]): Sickness[] {
  const own = tracks.filter((t) => t.kind === kind)
  if (own.length === 0) return []
  const of = (symptom: Symptom): Track | undefined => own.find((t) => t.symptom === symptom)
  const [reach, mtu, offload] = [of('reach'), of('mtu'), of('offload')]
  return [
    {
      kind,
      ...(reach?.reach ? { reach: reach.reach } : {}),
      ...(mtu ? { mtuBytes: mtu.level.held } : {}),
      ...(offload?.offload ? { offload: offload.offload } : {}),
    },
  ]
}
