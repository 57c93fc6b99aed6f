// The agent as a process: reads its config, logs to stderr, ends cleanly on a signal. Pods keep working without it.

import { readFileSync } from 'node:fs'
import { pino } from 'pino'
import { err, type Fault, fault, type Result } from '../base/result.ts'
import { type Config, parseConfig } from '../schema/config.ts'
import { type Agent, startAgent } from './main.ts'
import { keepMemorySmall } from './memory.ts'

/** Resolves when the agent is up; the process then lives until SIGTERM or SIGINT. */
export async function runAgent(file: string, version: string): Promise<Result<Agent, Fault>> {
  keepMemorySmall()
  const config = readConfig(file)
  if (!config.ok) return config
  const log = pino({ level: config.value.log.level, base: null }, pino.destination({ dest: 2, sync: true }))
  const agent = await startAgent({ config: config.value, version, log })
  if (!agent.ok) return err(agent.error)
  const end = (signal: string): void => {
    log.info({ signal }, 'ending; pods keep their network')
    void agent.value.close().then(() => process.exit(0))
  }
  process.once('SIGTERM', end)
  process.once('SIGINT', end)
  return agent
}

/** No file at the place where one is looked for by default means all defaults. */
function readConfig(file: string): Result<Config> {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error)
    return fault(
      'bad-config',
      `config ${file}`,
      'a file that can be read',
      found,
      'write the file, or name another with --config',
    )
  }
  return parseConfig(text, file)
}
