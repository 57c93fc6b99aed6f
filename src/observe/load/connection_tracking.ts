// How full connection tracking is, and what it refused: /proc/net/stat/nf_conntrack has a line of hexadecimal counters
// for each core under a line of names; nf_conntrack_count and _max are of this network namespace.

import { readNumber, readText } from './text_file.ts'

export type Tracking = {
  readonly entries: number
  readonly most: number
  /** Since the namespace was made: entries that found no room, or packets dropped because of that. */
  readonly refused: number
}

const REFUSALS = ['insert_failed', 'drop', 'early_drop']

/** Undefined without connection tracking. */
export function readTracking(
  folder = '/proc/sys/net/netfilter',
  counters = '/proc/net/stat/nf_conntrack',
): Tracking | undefined {
  const entries = readNumber(`${folder}/nf_conntrack_count`)
  const most = readNumber(`${folder}/nf_conntrack_max`)
  if (entries === undefined || !most) return undefined
  return { entries, most, refused: refusedIn(readText(counters) ?? '') }
}

function refusedIn(text: string): number {
  const [head = '', ...lines] = text.split('\n').filter((line) => line !== '')
  const names = head.split(/\s+/)
  const columns = REFUSALS.map((name) => names.indexOf(name)).filter((at) => at >= 0)
  const counts = lines.flatMap((line) => {
    const words = line.split(/\s+/)
    return columns.map((at) => Number.parseInt(words[at] ?? '0', 16))
  })
  return counts.reduce((sum, n) => sum + n, 0)
}
