// From tallied samples, packet counts and the machine's own accounts to the report. Pure.

import type { CpuTimes, ProfileReport, StageCost } from '../../schema/profile_report.ts'
import { STAGES } from '../../schema/stages.ts'
import { type PathPackets, type PodPackets, pathCosts, podCosts } from './path_costs.ts'
import { timeInterval } from './poisson.ts'
import { stageOfCell, type Tally } from './tally.ts'

export type Interval = { readonly seconds: number; readonly cpus: number; readonly hz: number }
export type Traffic = { readonly paths: readonly PathPackets[]; readonly pods: readonly PodPackets[] }
export type ReportInput = Interval & {
  readonly tally: Tally
  readonly cpu: CpuTimes
  readonly traffic: Traffic
  readonly others: ProfileReport['others']
  readonly missing: readonly string[]
}

export function profileReport(input: ReportInput): ProfileReport {
  const { tally, seconds, cpus, hz, traffic } = input
  const stages = stageCosts(tally, 1e9 / hz)
  const packetNs = stages.reduce((sum, s) => sum + s.ns, 0)
  const paths = pathCosts(tally, traffic.paths)
  const ownNs = tally.programNs + tally.readNs
  return {
    ...{ seconds, cpus, hz, packetNs, stages, paths },
    samples: tally.samples,
    source: 'samples',
    missing: [...input.missing, ...(tally.lost > 0 ? [lostText(tally)] : [])],
    cpu: input.cpu,
    rest: { userNs: tally.userNs, kernelNs: tally.elsewhereNs, idleNs: tally.idleNs },
    others: input.others,
    pods: podCosts(traffic.pods, paths, packetNs),
    own: { ns: ownNs, share: ownNs / (seconds * 1e9) },
  }
}

const lostText = ({ lost, samples }: Tally): string =>
  `${lost} of ${samples} samples had stacks of more kinds than there is room for; they are taken to be as the others`

/** Those that were seen, and for the others what they may have cost unseen stays within the interval of the first. */
function stageCosts(tally: Tally, sampleNs: number): StageCost[] {
  const ns = new Float64Array(STAGES.length)
  const squares = new Float64Array(STAGES.length)
  for (const [cell, cellNs] of tally.cellNs.entries()) {
    const stage = stageOfCell(cell)
    ns[stage] = (ns[stage] ?? 0) + cellNs
    squares[stage] = (squares[stage] ?? 0) + (tally.cellSquares[cell] ?? 0)
  }
  const all = ns.reduce((a, b) => a + b, 0)
  return STAGES.map((stage, i) => {
    const own = ns[i] ?? 0
    const share = all > 0 ? own / all : 0
    return { stage, ns: own, ...timeInterval(own, squares[i] ?? 0, sampleNs), share }
  })
}

/** Without samples: what the kernel's own accounts and the programs' run times still say. */
export function countersReport(
  input: Omit<ReportInput, 'tally' | 'others'> & { readonly programsNs: number },
): ProfileReport {
  const { seconds, cpus, hz, cpu, missing, traffic, programsNs } = input
  const packetNs = Math.max(cpu.softirqNs, programsNs)
  const known = { ebpf: programsNs, other: packetNs - programsNs }
  const paths = traffic.paths.filter((p) => p.packets > 0).map((p) => ({ ...p, stages: [] }))
  return {
    ...{ seconds, cpus, hz, cpu, packetNs, paths },
    samples: 0,
    source: 'counters',
    missing: [
      ...missing,
      'the time of softirqs is known as a whole and by the tick only; of it, that of our eBPF programs is measured',
    ],
    rest: { userNs: cpu.userNs, kernelNs: 0, idleNs: cpu.idleNs },
    stages: STAGES.map((stage) => {
      const ns = stage === 'ebpf' || stage === 'other' ? known[stage] : 0
      const unknown = stage === 'ebpf' ? ns : packetNs
      return {
        stage,
        ns,
        lowNs: stage === 'ebpf' ? ns : 0,
        highNs: unknown,
        share: packetNs > 0 ? ns / packetNs : 0,
      }
    }),
    others: known.other > 0 ? [{ symbol: 'softirqs, not split', ns: known.other }] : [],
    pods: [],
    own: { ns: 0, share: 0 },
  }
}
