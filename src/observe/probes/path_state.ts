// One path to one peer: what its probes have brought, and what its next one should ask.

import { type Destination, destination } from '../../kernel/udp_socket.ts'
import type { PathHealth } from '../../plan/path_health.ts'
import { copiesFor, type MtuRange, sizesToTry } from './mtu_search.ts'
import { reachOf, UNANSWERED } from './reach.ts'
import { Recent, Samples } from './samples.ts'
import type { Target } from './target.ts'
import { checksumVerdict, largeVerdict } from './verdicts.ts'

/** summed, unsummed: small, with and without UDP checksum. full: as large as may pass. train: several in one packet. */
export type Ask = 'summed' | 'unsummed' | 'full' | 'train' | 'search'

export type PathState = {
  readonly target: Target
  readonly where: Destination
  readonly samples: Samples
  readonly summed: Recent
  readonly unsummed: Recent
  readonly whole: Recent
  readonly full: Recent
  readonly trains: Recent
  trueMtuBytes: number | undefined
  search: Search | undefined
  turn: number
  dueMs: number
  /** Questions without an answer since the last one. */
  unanswered: number
  answered: boolean
  /** From the first answered question on losses count; infinity: nothing is known to answer. */
  countsFromMs: number
  heardMs: number | undefined
  /** Questions of the peer. */
  heardCount: number
  arrivedMs: number | undefined
  /** Nonces of the last small questions, by which the peer proves a farewell. BOUNDED by ASKED_KEPT. */
  readonly asked: number[]
  /** Of the peer's last small question, to prove ours. */
  heardNonce: number | undefined
  hasLeft: boolean
  /** Something was learnt that nobody has been told yet. */
  isNews: boolean
  /** Of that, something of the device behind a helped tunnel. */
  isSeenBare: boolean
}

export type Search = {
  range: MtuRange
  tried: readonly number[]
  readonly arrived: Set<number>
  untilMs: number
}

export const newPath = (target: Target, port: number, nowMs: number): PathState => ({
  target,
  where: destination(target.to, port),
  samples: new Samples(),
  summed: new Recent(),
  unsummed: new Recent(),
  whole: new Recent(),
  full: new Recent(),
  trains: new Recent(),
  trueMtuBytes: undefined,
  search: undefined,
  turn: 0,
  dueMs: nowMs,
  unanswered: 0,
  answered: false,
  countsFromMs: Number.POSITIVE_INFINITY,
  heardMs: undefined,
  heardCount: 0,
  arrivedMs: undefined,
  asked: [],
  heardNonce: undefined,
  hasLeft: false,
  isNews: false,
  isSeenBare: false,
})

/** The last ones may be lost, or on their way. */
const ASKED_KEPT = 4

export function noteAsked(path: PathState, nonce: number): void {
  path.asked.push(nonce)
  if (path.asked.length > ASKED_KEPT) path.asked.shift()
}

/** How long a path is new: until each kind of probe had its turn. */
const FRESH_TURNS = 16
export const SMALLEST_MTU_BYTES = 128

/** Worth more probes than its share: new, in doubt, or with a fault whose end should be seen soon. */
export const isUrgent = (path: PathState): boolean =>
  path.turn < FRESH_TURNS ||
  path.search !== undefined ||
  (path.answered && path.unanswered > 0) ||
  path.summed.isLastBad ||
  path.full.isLastBad ||
  path.trains.isLastBad

const PATTERN: readonly Ask[] = [
  'summed',
  'summed',
  'full',
  'summed',
  'summed',
  'unsummed',
  'summed',
  'summed',
]
/** Turns are half a second each while there are few peers. */
const TRAIN_TURNS = 12
const RETRY_TURNS = 64

export function nextAsk(path: PathState): Ask {
  const { turn, full, trains, trueMtuBytes, target } = path
  // Small ones with a checksum are lost: large ones would be too, and eat up what finding out why takes.
  const isInDoubt = !path.answered || path.unanswered > UNANSWERED / 2 || isSmallLost(path)
  if (isInDoubt) return turn % 2 === 0 ? 'summed' : 'unsummed'
  if (mayBeSmaller(path)) return 'search'
  const isSmaller = trueMtuBytes !== undefined && trueMtuBytes < target.mtuBytes
  if (isSmaller && turn % RETRY_TURNS === RETRY_TURNS - 1) return 'search'
  if (full.isLastBad && turn % 2 === 0) return 'full'
  if (trueMtuBytes !== undefined && turn % (trains.isLastBad ? 4 : TRAIN_TURNS) === 3) return 'train'
  return PATTERN[turn % PATTERN.length] ?? 'summed'
}

function isSmallLost({ summed }: PathState): boolean {
  const last = summed.last(2)
  return last.tries === 2 && last.good === 0
}

/** Full ones were lost so often that it is no chance, while small ones come back. */
function mayBeSmaller(path: PathState): boolean {
  const copies = copiesFor(lossNow(path))
  const last = path.full.last(copies)
  const isLostWhole = last.tries === copies && last.good === 0
  return path.search === undefined && isLostWhole && path.summed.last(8).good > 0
}

/** Of small probes, rather too much than too little: of few that all came one more is thought lost. */
export function lossNow({ summed }: Pick<PathState, 'summed'>): number {
  const { tries, good } = summed.last(16)
  return (tries - good + 1) / (tries + 2)
}

/** What has been found to pass is where a search for more begins; one for less begins where small ones are. */
export function searchFrom(path: PathState): MtuRange {
  const { trueMtuBytes, target, full } = path
  const isStill = trueMtuBytes !== undefined && full.last(2).good > 0
  return { passes: isStill ? trueMtuBytes : SMALLEST_MTU_BYTES, fails: target.mtuBytes + 1 }
}

export function beginRound(path: PathState, range: MtuRange, untilMs: number): readonly number[] {
  const tried = sizesToTry(range)
  path.search = { range, tried, arrived: new Set(), untilMs }
  return tried
}

export function healthOf(
  path: PathState,
  nowMs: number,
  patienceMs: number,
  peerMs: number | undefined,
): PathHealth {
  const age = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : nowMs - ms)
  const { target, unanswered, answered, hasLeft, trueMtuBytes } = path
  const reach = reachOf({
    unanswered,
    answered,
    hasLeft,
    patienceMs,
    heardAgeMs: age(path.heardMs),
    arrivedAgeMs: age(path.arrivedMs),
    peerAgeMs: age(peerMs),
  })
  return {
    peer: target.peer,
    kind: target.kind,
    reach,
    ...(trueMtuBytes === undefined ? {} : { trueMtuBytes }),
    checksum: checksumVerdict(path),
    // What small ones meet too is no fault of large ones; full ones of before may still look well.
    large: path.summed.isLastBad
      ? 'unknown'
      : largeVerdict({ trains: path.trains, full: path.full, loss: lossNow(path) }),
  }
}
