// Where rules that are not ours are met: that they pass a packet as it is can only be assumed. PURE.

import type { OtherTable, WalkFacts } from '../../observe/walk/facts.ts'
import { hop, type Stage } from './stage.ts'

/** Before the route. What they do to a flow that is tracked shows in its entry. */
export function othersTranslate(f: WalkFacts): Stage {
  if (f.tracked) return { hops: [] }
  const tables = at(f, f.entry.kind === 'node' ? 'output' : 'prerouting', true)
  if (tables === '') return { hops: [] }
  const why = 'a translation shows once the flow is tracked'
  return {
    hops: [
      hop(f, 'translation', {
        object: `rules of ${tables}`,
        does: 'are assumed to leave it',
        why,
        verdict: 'assumed',
      }),
    ],
  }
}

export function othersFilter(f: WalkFacts, hook: 'forward' | 'input'): Stage {
  const tables = at(f, f.entry.kind === 'node' ? 'output' : hook, false)
  if (tables === '') return { hops: [] }
  return {
    hops: [
      hop(f, 'guard', {
        object: `rules of ${tables}`,
        does: 'are assumed to pass it',
        why: 'not ours, not read',
        verdict: 'assumed',
      }),
    ],
  }
}

const at = ({ others }: WalkFacts, hook: OtherTable['hook'], translates: boolean): string =>
  [...new Set(others.filter((o) => o.hook === hook && o.translates === translates).map((o) => o.table))].join(
    ', ',
  )
