// `podlane config`: the config as the agent would take it, or the words with which it would refuse it.

import { readFileSync } from 'node:fs'
import { fault, ok, type Result } from '../base/result.ts'
import { configText, parseConfig } from '../schema/config.ts'
import { orPrint, print, printJson } from './terminal.ts'

export function showConfig(file: string, json: boolean): void {
  const text = orPrint(read(file))
  if (text === undefined) return
  const config = orPrint(parseConfig(text, file))
  if (!config) return
  if (json) printJson(config)
  else print(configText(config))
}

function read(file: string): Result<string> {
  try {
    return ok(readFileSync(file, 'utf8'))
  } catch (error) {
    return fault('io', file, 'a readable file', String(error), 'name another with --config')
  }
}
