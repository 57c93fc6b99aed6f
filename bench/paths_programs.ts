// What a packet costs in the eBPF programs of a path, by the kernel's own account of their runs. It reads the clock
// twice for each run, so it is on only while this is measured, and no ratio is taken then.

import * as v from 'valibot'
import { run } from './lib/command.ts'
import type { Figure, Goal } from './lib/figures.ts'
import { inside } from './lib/segment.ts'
import { spreadOf } from './lib/statistics.ts'
import { measureTraffic } from './lib/traffic.ts'
import type { Candidate } from './paths_candidates.ts'
import { type Measure, measuresNamed } from './paths_measures.ts'

const STATISTICS = 'kernel.bpf_stats_enabled'
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

const attachedSchema = v.array(
  v.object({
    tc: v.array(v.object({ id: v.optional(v.number()), prog_id: v.optional(v.number()) })),
  }),
)
const programSchema = v.object({
  name: v.string(),
  run_time_ns: v.optional(v.number(), 0),
  run_cnt: v.optional(v.number(), 0),
})
type Runs = { ns: number; count: number }

export function programFigures(candidates: readonly Candidate[], ms: number): readonly Figure[] {
  const before = run('sysctl', '-n', STATISTICS).trim()
  run('sysctl', '-q', '-w', `${STATISTICS}=1`)
  try {
    return candidates.flatMap((candidate) => {
      const programs = candidate.nodes.flatMap(({ path }) => attachedTo(path))
      if (programs.length === 0) return []
      console.error(`runs of the programs: ${candidate.name}`)
      return measuresNamed(['rr', 'udp']).flatMap((load) => underLoad(candidate, programs, load, ms))
    })
  } finally {
    run('sysctl', '-q', '-w', `${STATISTICS}=${before}`)
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
    measureTraffic(load.kind, ends, ms, load.cpus)
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

/** The IDs of the programs at the tc hooks of a node's links. */
function attachedTo(node: string): readonly number[] {
  const attached = v.parse(attachedSchema, JSON.parse(inside(node, 'bpftool', '-j', 'net', 'show')))
  const ids = attached.flatMap(({ tc }) => tc.map(({ id, prog_id }) => prog_id ?? id))
  return [...new Set(ids.filter((id) => id !== undefined))]
}

/** Summed over the programs of the same name on both nodes. */
function runsByRole(programs: readonly number[]): ReadonlyMap<string, Runs> {
  const runs = new Map<string, Runs>()
  for (const id of programs) {
    const shown = v.parse(programSchema, JSON.parse(run('bpftool', '-j', 'prog', 'show', 'id', String(id))))
    const role = roles[shown.name] ?? shown.name
    const sum = runs.get(role) ?? { ns: 0, count: 0 }
    runs.set(role, { ns: sum.ns + shown.run_time_ns, count: sum.count + shown.run_cnt })
  }
  return runs
}
