// Files of /proc and /sys, some of which a host does not have.

import { readdirSync, readFileSync } from 'node:fs'

/** Undefined where it is absent or must not be read. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

export function readNumber(path: string): number | undefined {
  const text = readText(path)?.trim()
  return text === undefined || text === '' || !Number.isFinite(Number(text)) ? undefined : Number(text)
}

/** Names in a folder; none where it is absent. */
export function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
