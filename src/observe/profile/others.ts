// The names of the functions that the stage `other` consists of, found when a report is made: nothing of the kernel's
// names is kept.

import { functionNames } from '../../kernel/kallsyms.ts'
import type { ProfileReport } from '../../schema/profile_report.ts'
import { MANY_OTHERS, type Tally } from './tally.ts'

/** As many are named. */
const MOST_NAMED = 12

/** The dearest first. */
export async function namedOthers(tally: Tally): Promise<ProfileReport['others']> {
  const largest = [...tally.others]
    .filter(([, ns]) => ns > 0)
    .sort(([, a], [, b]) => b - a)
    .slice(0, MOST_NAMED)
  if (largest.length === 0) return []
  const names = await functionNames(largest.map(([address]) => address))
  const sums = new Map<string, number>()
  for (const [i, [address, ns]] of largest.entries()) {
    const found = names.ok ? (names.value[i] ?? 'unknown') : 'unknown'
    const symbol = address === MANY_OTHERS ? 'many more' : found
    sums.set(symbol, (sums.get(symbol) ?? 0) + ns)
  }
  return [...sums].map(([symbol, ns]) => ({ symbol, ns }))
}
