// Patterns for interface names in the config: a glob (`eth*`, `en?s0`), or a regular expression between slashes
// (`/^en[ps]\d+/`).

import * as v from 'valibot'

const wanted = 'a glob such as eth* or a regular expression such as /^en[ps]/'

/** Undefined for what is neither. */
function compile(pattern: string): RegExp | undefined {
  if (pattern.length > 2 && pattern.startsWith('/') && pattern.endsWith('/')) {
    try {
      return new RegExp(pattern.slice(1, -1))
    } catch {
      return undefined
    }
  }
  if (pattern === '' || /[\s/:]/.test(pattern)) return undefined
  const source = pattern.replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^${source.replaceAll('*', '.*').replaceAll('?', '.')}$`)
}

export const patternValue = v.pipe(
  v.string(wanted),
  v.check((pattern) => compile(pattern) !== undefined, wanted),
)

/** Whether the name fits one of the patterns, which the config has checked. */
export const matchesPattern = (patterns: readonly string[], name: string): boolean =>
  patterns.some((pattern) => compile(pattern)?.test(name) === true)
