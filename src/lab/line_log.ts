// The log of the lab's own processes: a line each, for a person who reads the file.

import type { Log } from '../base/log.ts'

export function lineLog(write: (line: string) => void): Log {
  const at = (level: string) => (facts: object, message: string) => {
    const rest = Object.keys(facts).length === 0 ? '' : ` ${JSON.stringify(facts)}`
    write(`${new Date().toISOString()} ${level} ${message}${rest}\n`)
  }
  return { debug: () => {}, info: at('info'), warn: at('warn'), error: at('error') }
}
