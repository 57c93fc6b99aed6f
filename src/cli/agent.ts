// `podlane agent`: the one command that runs in its own process what the others ask over a socket.

import { orPrint } from './terminal.ts'

/**
 * The C library reads these once, at a process's birth: one heap for all threads, and free memory back to the system.
 * Its own habit, a heap for each thread and thresholds that grow, holds some 7 MB that the agent does not use.
 */
const smallHeap = { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '131072' } as const

/** Resolves when the agent is up; the process lives on. */
export async function agent(file: string, version: string): Promise<void> {
  beginAgainWith(smallHeap)
  const { runAgent } = await import('../agent/run.ts')
  orPrint(await runAgent(file, version))
}

/** The same process (its ID, its parent, its standard streams) from the start, unless it has the variables. */
function beginAgainWith(variables: Readonly<Record<string, string>>): void {
  const missing = Object.keys(variables).some((name) => process.env[name] === undefined)
  if (!missing || typeof process.execve !== 'function') return
  const argv = [process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  process.execve(process.execPath, argv, { ...variables, ...process.env })
}
