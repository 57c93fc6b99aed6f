// What an answer, or its absence, means for a path.

import { narrowed } from './mtu_search.ts'
import type { Question } from './outstanding.ts'
import { type PathState, SMALLEST_MTU_BYTES } from './path_state.ts'

/** @param ns round trip, without the time that the peer held it; undefined: lost */
export function recordOutcome(question: Question, ns: number | undefined, isWhole: boolean): void {
  const { path, ask, sizeBytes } = question
  const arrived = ns !== undefined
  path.isNews = true
  path.isSeenBare ||= question.isBare
  if (arrived) {
    path.answered = true
    path.countsFromMs = Math.min(path.countsFromMs, question.sentMs)
    path.unanswered = 0
    path.whole.add(isWhole)
  }
  const isGood = arrived && isWhole
  switch (ask) {
    case 'summed':
      if (!arrived) path.unanswered++
      // Before its agent has begun, and after its farewell, a peer's silence is no loss.
      if (arrived || question.sentMs >= path.countsFromMs) path.samples.add(isGood ? ns : undefined)
      path.summed.add(isGood)
      break
    case 'unsummed':
      if (!arrived) path.unanswered++
      path.unsummed.add(arrived)
      break
    case 'full':
      path.full.add(arrived)
      if (arrived) path.trueMtuBytes = Math.max(path.trueMtuBytes ?? 0, sizeBytes)
      break
    case 'train':
      recordCar(question, arrived)
      break
    case 'search':
      if (arrived) path.search?.arrived.add(sizeBytes)
      break
  }
}

/** Large packets that the card or the kernel cannot cut are lost whole or nearly; one car of three may be chance. */
function recordCar({ train, path }: Question, arrived: boolean): void {
  if (!train) return
  train.waiting--
  if (arrived) train.arrived++
  if (train.waiting === 0) path.trains.add(train.arrived * 2 > train.cars)
}

/** The round is over; true: another one is needed. */
export function endRound(path: PathState): boolean {
  const { search } = path
  if (!search) return false
  const range = narrowed(search.range, search.tried, search.arrived)
  search.range = range
  if (range.fails - range.passes > 1) return true
  path.search = undefined
  // Nothing at all came: then it was no matter of size.
  if (range.passes > SMALLEST_MTU_BYTES) path.trueMtuBytes = range.passes
  path.full.clear()
  return false
}
