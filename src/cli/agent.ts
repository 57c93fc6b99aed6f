// `podlane agent`: the one command that runs in its own process what the others ask over a socket.

import { runAgent } from '../agent/run.ts'
import { orPrint } from './terminal.ts'

/** Resolves when the agent is up; the process lives on. */
export async function agent(file: string, version: string): Promise<void> {
  orPrint(await runAgent(file, version))
}
