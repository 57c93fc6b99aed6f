// The rounds: in each, every measure visits all candidates in an order that rotates, with the baseline before, after and
// every few candidates between, so that what the machine does besides falls on both sides of a ratio.

import { run } from './lib/command.ts'
import { inside } from './lib/segment.ts'
import { measureTraffic, NOWHERE, ownRateOf, rateOf, type Sample } from './lib/traffic.ts'
import { BASELINE, type Candidate } from './paths_candidates.ts'
import { type Measure, sampleOf } from './paths_measures.ts'

/** Candidates between two visits of the baseline. */
const GROUP = 4
/** Of a core without traffic: more is not a measuring machine's own housekeeping. */
const BUSY_SHARE = 0.05
const OFFLOADS = ['tso', 'tx-udp_tnl-segmentation', 'tx-udp_tnl-csum-segmentation']

/** One visit, compared with the mean of the baseline's visits before and after. */
export type Visit = {
  readonly candidate: string
  readonly sample: Sample
  /** Of what was counted in the same time. */
  readonly ratio: number
  /** Of what was counted in the same CPU time of the two ends. */
  readonly ownRatio: number
}
export type Round = { readonly measure: Measure; readonly visits: readonly Visit[] }
export type Rounds = {
  readonly rounds: readonly Round[]
  /** Turns of a fixed loop per second, once a round: what the machine itself varied. */
  readonly loops: readonly number[]
  /** Share of a core that is busy without any traffic. */
  readonly idleShare: number
}

export type RoundOptions = {
  readonly candidates: readonly Candidate[]
  readonly measures: readonly Measure[]
  readonly rounds: number
  readonly ms: number
}

export function runRounds(options: RoundOptions): Rounds {
  const { measures, rounds: count, ms } = options
  const core = measures[0]?.cpus[0] ?? 0
  const rests: number[] = []
  const rounds: Round[] = []
  const loops: number[] = []
  for (let round = 0; round < count; round++) {
    const rest = measureTraffic('rest', NOWHERE, ms, [core, core])
    rests.push((rest.busyUs ?? 0) / 1e6 / rest.seconds)
    loops.push(rateOf(measureTraffic('spin', NOWHERE, ms, [core, core])))
    for (const measure of measures) rounds.push(oneRound(options, measure, round))
    console.error(`round ${round + 1} of ${count}`)
  }
  const idleShare = Math.min(...rests)
  if (idleShare > BUSY_SHARE)
    console.error(
      `others use ${Math.round(idleShare * 100)} % of the core: only the ratios by CPU time are precise`,
    )
  return { rounds, loops, idleShare }
}

function oneRound({ candidates, ms }: RoundOptions, measure: Measure, round: number): Round {
  const baseline = candidates.find((c) => c.name === BASELINE)
  if (!baseline) throw new Error(`without ${BASELINE} there is nothing to compare with`)
  const visit = ({ ends }: Candidate): Sample => sampleOf(measure, ends, ms)
  if (!measure.segmentationOffload) setOffloads(candidates, 'off')
  const others = rotated(
    candidates.filter((c) => c !== baseline),
    round,
  )
  const baselines = [visit(baseline)]
  const groups: { readonly name: string; readonly sample: Sample }[][] = []
  for (let i = 0; i === 0 || i < others.length; i += GROUP) {
    groups.push(others.slice(i, i + GROUP).map((c) => ({ name: c.name, sample: visit(c) })))
    baselines.push(visit(baseline))
  }
  if (!measure.segmentationOffload) setOffloads(candidates, 'on')
  return { measure, visits: compared(baselines, groups) }
}

type Groups = readonly (readonly { readonly name: string; readonly sample: Sample }[])[]

function compared(baselines: readonly Sample[], groups: Groups): readonly Visit[] {
  const ratios = (sample: Sample, before: number, after: number) => ({
    ratio: rateOf(sample) / meanOf(baselines, rateOf, before, after),
    ownRatio: ownRateOf(sample) / meanOf(baselines, ownRateOf, before, after),
  })
  // The control: a baseline to those around it, which would be 1 on a machine that does nothing else.
  const control = baselines.slice(1, 2).map((sample) => ({
    ...{ candidate: BASELINE, sample },
    ...ratios(sample, 0, baselines.length > 2 ? 2 : 0),
  }))
  const others = groups.flatMap((group, g) =>
    group.map(({ name, sample }) => ({ candidate: name, sample, ...ratios(sample, g, g + 1) })),
  )
  return [...control, ...others]
}

function meanOf(
  samples: readonly Sample[],
  value: (sample: Sample) => number,
  ...places: readonly [number, number]
): number {
  const values = places.map((place) => samples[place]).map((s) => (s ? value(s) : Number.NaN))
  return values.reduce((sum, one) => sum + one, 0) / values.length
}

const rotated = <T>(all: readonly T[], by: number): readonly T[] =>
  all.map((_, i) => all[(i + by) % all.length]).filter((one) => one !== undefined)

/** At the nodes' uplinks; what the nodes' own segments are cut by is GSO in software, as for forwarded ones. */
function setOffloads(candidates: readonly Candidate[], value: 'on' | 'off'): void {
  const settings = OFFLOADS.flatMap((offload) => [offload, value])
  for (const { nodes } of candidates)
    for (const { path } of nodes) inside(path, 'ethtool', '-K', 'eth0', ...settings)
}

/** Ends the bench early, and with the reason, where a path does not carry packets. */
export function checkPaths(candidates: readonly Candidate[]): void {
  for (const { ends } of candidates)
    run('nsenter', `--net=${ends.client}`, 'ping', '-c', '1', '-W', '2', '-q', ends.serverIp)
}
