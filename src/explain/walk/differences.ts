// Which hops of one walk the other has not: those are what a change is about. PURE.

import type { Hop, Walk } from '../../schema/walk.ts'

export const markDifferences = (walk: Walk, other: Walk): Walk => {
  const known = new Set(other.hops.map(nameOf))
  return { ...walk, hops: walk.hops.map((h) => (known.has(nameOf(h)) ? h : { ...h, differs: true })) }
}

const nameOf = (h: Hop): string => [h.node, h.kind, h.object, h.does, h.verdict].join('\n')
