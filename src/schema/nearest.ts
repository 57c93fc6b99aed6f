// Which of the known words a person most likely meant: edit distance after taking case and dashes away, since
// `path-mode` and `pathmode` are the same slip as `pathMode`.

const plain = (word: string): string => word.toLowerCase().replaceAll(/[-_ ]/g, '')

/** Levenshtein distance with neighbouring letters swapped counted as one edit. */
export function editDistance(a: string, b: string): number {
  let older: number[] = []
  let before = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      let best = Math.min((before[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (before[j - 1] ?? 0) + same)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, (older[j - 2] ?? 0) + 1)
      row.push(best)
    }
    older = before
    before = row
  }
  return before[b.length] ?? 0
}

/** The nearest of whole names, such as those of nodes. Undefined if nothing is known. */
export function nearestName(word: string, known: Iterable<string>): string | undefined {
  const short = plain(word).slice(0, 64)
  let best: { name: string; score: number } | undefined
  for (const name of known) {
    const score = editDistance(short, plain(name).slice(0, 64))
    if (!best || score < best.score) best = { name, score }
  }
  return best?.name
}

/**
 * The nearest of `known`, which are full key paths (`vxlan.vni`); only their last part is compared with `word`, and
 * a key beside it (`siblings`) wins a tie. Undefined if nothing is known.
 */
export function nearestKey(
  word: string,
  siblings: readonly string[],
  known: readonly string[],
): string | undefined {
  // A pasted essay as a key must not cost a quadratic comparison.
  const short = plain(word).slice(0, 64)
  let best: { key: string; score: number } | undefined
  for (const key of [...siblings, ...known]) {
    const last = key.slice(key.lastIndexOf('.') + 1)
    const score = editDistance(short, plain(last)) + (siblings.includes(key) ? 0 : 1)
    if (!best || score < best.score) best = { key, score }
  }
  return best?.key
}
