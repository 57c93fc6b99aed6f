// What the kernel counts of the datapath's programs by name, all agents of the machine together.

import { PROGRAMS } from '../../apply/fast_lane/programs.ts'
import { closeFd } from '../../kernel/bpf/command.ts'
import { programIds } from '../../kernel/bpf/program_ids.ts'
import { openProgramById, programInfo } from '../../kernel/bpf/program_info.ts'

const NAME_LETTERS = 15
const ON_PACKETS: readonly string[] = PROGRAMS.filter((p) => p !== 'sweep').map((p) =>
  p.slice(0, NAME_LETTERS),
)

export type ProgramTimes = {
  /** While statistics are on; since each was loaded. */
  readonly runNs: number
  /** Agents that have their programs loaded on this kernel: in a lab several nodes share one. */
  readonly agents: number
}

export function readProgramTimes(): ProgramTimes {
  let runNs = 0
  let agents = 0
  for (const id of programIds()) {
    const fd = openProgramById(id)
    if (fd === undefined) continue
    const { name, runTimeNs } = programInfo(fd)
    closeFd(fd)
    if (!ON_PACKETS.includes(name)) continue
    runNs += Number(runTimeNs)
    if (name === 'uplink_ingress') agents++
  }
  return { runNs, agents }
}
