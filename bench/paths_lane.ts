// Whether the fast lane's programs stand on the nodes whose figures bear its name: without them the plain network would
// carry the packets just as well, and nobody would see whose figures these are.

import { readFileSync } from 'node:fs'
import { closeFd } from '../src/kernel/bpf/command.ts'
import { openProgramById, programInfo } from '../src/kernel/bpf/program_info.ts'
import { attachedTo } from './lib/attached.ts'
import { FOLDER } from './lib/sandbox.ts'
import type { Candidate } from './paths_candidates.ts'

const PROGRAMS = ['pod_egress', 'uplink_ingress']
const LOG_LETTERS = 3000

/** The names of the programs at the hooks of a node; one may be cut at 15 letters. */
function namesAt(node: string): readonly string[] {
  const descriptors = attachedTo(node).map(openProgramById)
  return descriptors
    .filter((fd) => fd !== undefined)
    .map((fd) => {
      const { name } = programInfo(fd)
      closeFd(fd)
      return name
    })
}

/** Ends the bench, with the last words of the agent, where a program is missing. */
export function checkLane(candidates: readonly Candidate[], when: string): void {
  for (const { name, nodes } of candidates.filter((c) => c.name.startsWith('fast-')))
    for (const node of nodes) {
      const names = namesAt(node.path)
      const missing = PROGRAMS.filter((program) => !names.includes(program))
      if (missing.length === 0) continue
      console.error(readFileSync(`${FOLDER}/${node.name}-agent.log`, 'utf8').slice(-LOG_LETTERS))
      throw new Error(
        `${node.name}: ${missing.join(', ')} not attached ${when}: ${name} is not in the fast lane`,
      )
    }
}
