// The whole answer about one packet: the walk as it is, beside it the walk with something changed, and what the figures
// stand on. PURE.

import { familyOf } from '../../base/ip.ts'
import type { WalkFacts } from '../../observe/walk/facts.ts'
import type { Walk, WalkAnswer } from '../../schema/walk.ts'
import { type Change, changeTexts } from '../../schema/walk_question.ts'
import { changed, packetsPerMegabyte } from './change.ts'
import { type PathCost, withCosts } from './costs.ts'
import { markDifferences } from './differences.ts'
import { walkOf } from './walk.ts'

export type Judged = Pick<WalkAnswer, 'now' | 'would' | 'notes'>

/**
 * @param costs of a stage profile of this node; empty: there is none
 * @param instead what the change is made to, if that is another packet: the sender's part of it is in it already
 */
export function judge(
  facts: WalkFacts,
  change: Change | undefined,
  costs: readonly PathCost[],
  instead = facts,
): Judged {
  const now = withCosts(walkOf(facts), costs)
  const notes = [...facts.notes, ...costNotes(facts, now, costs)]
  if (!change) return { now, notes }
  const other = changed(instead, change)
  const names = changeTexts(change)
  if (!other.ok) return { now, would: { changed: names, refused: other.error }, notes }
  const walk = withCosts(walkOf(other.value), costs)
  return {
    now: markDifferences(now, walk),
    would: { changed: names, walk: markDifferences(walk, now) },
    notes: [...notes, ...effects(now, walk, facts, change, costs.length > 0)],
  }
}

const costNotes = (f: WalkFacts, walk: Walk, costs: readonly PathCost[]): string[] => {
  if (costs.length > 0) return []
  if (walk.costNs !== undefined)
    return [
      `${f.node} knows the cost of its programs alone, the mean of all their runs: it has no stage profile`,
    ]
  return [`${f.node} knows no costs: it has no stage profile, and its programs’ runs are not counted`]
}

function effects(
  now: Walk,
  other: Walk,
  { packet, node }: WalkFacts,
  change: Change,
  hasProfile: boolean,
): string[] {
  const v = familyOf(packet.source)
  const [a, b] = [now, other].map((w) => packetsPerMegabyte(w.largestBytes, v))
  const cost =
    hasProfile && now.costNs !== undefined && other.costNs !== undefined
      ? [`${node}, expected: ${Math.round(now.costNs)} → ${Math.round(other.costNs)} ns of CPU time a packet`]
      : hasProfile
        ? []
        : [`${node}, expected cost: only a stage profile of both lanes could say`]
  return [
    ...(now.largestBytes === other.largestBytes
      ? []
      : [
          `largest packet: ${now.largestBytes} → ${other.largestBytes} bytes; a stream takes ${a} → ${b} packets a megabyte`,
        ]),
    ...cost,
    ...(change.mtuBytes === undefined
      ? []
      : ['MTU: of both nodes’ uplinks and all between; pods keep theirs until they are made anew']),
  ]
}
