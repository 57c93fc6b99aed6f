// What a test needs of the machine. Where it is missing the test is skipped and says why; in CI, where it was
// promised, that is a failure.

import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const isThere = (program: string): boolean =>
  program.startsWith('/')
    ? isProgram(program)
    : (process.env.PATH ?? '').split(delimiter).some((folder) => isProgram(join(folder, program)))

/** The value for `skip` of node:test: false, or the reason. Programs are names in PATH or absolute paths. */
export const skipWithout = (programs: readonly string[]): string | false => {
  const missing = programs.filter((program) => !isThere(program))
  const reasons = [
    ...(process.getuid?.() === 0 ? [] : ['needs root']),
    ...(missing.length === 0
      ? []
      : [`needs ${missing.join(', ')}: \`scripts/packages.sh test\` installs them`]),
  ]
  if (reasons.length === 0) return false
  const reason = reasons.join('; ')
  if (process.env.CI !== undefined) throw new Error(`must not be skipped in CI, but ${reason}`)
  return reason
}
