// The real agent as a process of its own: started again when it ends, until it is told to stay away.

import { type ChildProcess, spawn } from 'node:child_process'
import type { Log } from '../../base/log.ts'
import type { Program } from '../programs.ts'

export type AgentProcess = {
  /** Undefined while none runs. */
  readonly pid: () => number | undefined
  /** Starts since the beginning. */
  readonly starts: () => number
  readonly start: () => void
  /** SIGTERM, later SIGKILL; resolves when it is gone, and none is started until `start`. */
  readonly stop: () => Promise<void>
}

const GRACE_MS = 3000
const MOST_DELAY_MS = 3000
/** One that lived so long did not fail at its start. */
const SOUND_MS = 5000

export function superviseAgent(
  program: Program,
  config: string,
  node: string,
  logFd: number,
  log: Log,
): AgentProcess {
  let child: ChildProcess | undefined
  let wanted = false
  let starts = 0
  let failures = 0
  let timer: NodeJS.Timeout | undefined
  let done: Promise<void> = Promise.resolve()

  const begin = (): void => {
    timer = undefined
    if (!wanted || child) return
    const [file, ...args] = program
    const startedMs = performance.now()
    const own = spawn(file, [...args, 'agent', '--config', config], {
      stdio: ['ignore', logFd, logFd],
      env: { ...process.env, NODE_NAME: node },
    })
    child = own
    starts++
    done = new Promise((resolve) => {
      const ended = (how: unknown): void => {
        if (child !== own) return
        child = undefined
        resolve()
        if (!wanted) return
        failures = performance.now() - startedMs > SOUND_MS ? 0 : failures + 1
        log.warn({ how: String(how), failures }, 'the agent ended; it is started again')
        timer = setTimeout(begin, Math.min(MOST_DELAY_MS, 100 * 2 ** Math.min(failures, 10)))
      }
      own.once('error', ended)
      own.once('exit', (code, signal) => ended(signal ?? code))
    })
  }
  return {
    pid: () => child?.pid,
    starts: () => starts,
    start: () => {
      wanted = true
      if (!timer) begin()
    },
    stop: async () => {
      wanted = false
      clearTimeout(timer)
      timer = undefined
      child?.kill('SIGTERM')
      const patience = setTimeout(() => child?.kill('SIGKILL'), GRACE_MS)
      await done
      clearTimeout(patience)
    },
  }
}
