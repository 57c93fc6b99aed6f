// What a packet costs in the eBPF programs of a path, by the kernel's own account of their runs. It reads the clock
// twice for each run, so it is on only while this is measured, and no ratio is taken then.

import { must } from '../src/base/result.ts'
import { closeFd } from '../src/kernel/bpf/command.ts'
import { enableStatistics, openProgramById, programInfo } from '../src/kernel/bpf/program_info.ts'
import { attachedTo } from './lib/attached.ts'
import type { Figure, Goal } from './lib/figures.ts'
import { spreadOf } from './lib/statistics.ts'
import type { Candidate } from './paths_candidates.ts'
import { type Measure, measuresNamed, sampleOf } from './paths_measures.ts'

const ROUNDS = 9
/** A program's name may be cut at 15 characters. */
const roles: Readonly<Record<string, string>> = { pod_egress: 'egress', uplink_ingress: 'ingress' }
/** By the request/response load; small UDP packets in a row are told beside it. */
const atMost: Readonly<Record<string, number>> = {
  'fast-direct.egress.ns': 300,
  'fast-direct.ingress.ns': 300,
  'fast-vxlan.egress.ns': 400,
  'fast-vxlan.ingress.ns': 550,
}

type Runs = { ns: number; count: number }

export function programFigures(candidates: readonly Candidate[], ms: number): readonly Figure[] {
  const statistics = must(enableStatistics())
  try {
    return candidates.flatMap((candidate) => {
      const programs = candidate.nodes.flatMap(({ path }) => attachedTo(path))
      if (programs.length === 0) return []
      console.error(`runs of the programs: ${candidate.name}`)
      return measuresNamed(['rr', 'udp']).flatMap((load) => underLoad(candidate, programs, load, ms))
    })
  } finally {
    closeFd(statistics)
  }
}

function underLoad(
  { name, ends }: Candidate,
  programs: readonly number[],
  load: Measure,
  ms: number,
): readonly Figure[] {
  const perRound = new Map<string, number[]>()
  for (let round = 0; round < ROUNDS; round++) {
    const before = runsByRole(programs)
    sampleOf(load, ends, ms)
    for (const [role, now] of runsByRole(programs)) {
      const then = before.get(role) ?? { ns: 0, count: 0 }
      const count = now.count - then.count
      if (count > 0) perRound.set(role, [...(perRound.get(role) ?? []), (now.ns - then.ns) / count])
    }
  }
  return [...perRound].map(([role, values]) => {
    const figure = `${name}.${role}${load.name === 'rr' ? '' : `.${load.name}`}.ns`
    return { name: figure, unit: 'ns', ...spreadOf(values), ...goalOf(figure) }
  })
}

function goalOf(name: string): { readonly goal?: Goal } {
  const most = atMost[name]
  return most === undefined ? {} : { goal: { atMost: most } }
}

/** Summed over the programs of the same name on both nodes. */
function runsByRole(programs: readonly number[]): ReadonlyMap<string, Runs> {
  const runs = new Map<string, Runs>()
  for (const id of programs) {
    const fd = openProgramById(id)
    if (fd === undefined) continue
    const { name, runTimeNs, runCount } = programInfo(fd)
    closeFd(fd)
    const role = roles[name] ?? name
    const sum = runs.get(role) ?? { ns: 0, count: 0 }
    runs.set(role, { ns: sum.ns + Number(runTimeNs), count: sum.count + Number(runCount) })
  }
  return runs
}
