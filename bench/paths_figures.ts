// From the rounds to the figures: ratios to node to node with their goals, and what they are ratios of. PURE.

import type { Figure, Goal } from './lib/figures.ts'
import { type Spread, spreadOf } from './lib/statistics.ts'
import { rateOf, type Sample } from './lib/traffic.ts'
import { busyUs, cpuCost, isStream, type Measure } from './paths_measures.ts'
import type { Rounds, Visit } from './paths_rounds.ts'

const FLANNEL = 'flannel'
const OVERLAY = 'fast-vxlan'

const atLeast: Readonly<Record<string, number>> = {
  'fast-direct.rr': 0.92,
  'fast-direct.crr': 0.92,
  'fast-direct.stream': 0.92,
  'fast-direct.udp': 0.91,
  'fast-vxlan.rr': 0.88,
  'fast-vxlan.crr': 0.87,
  'fast-vxlan.stream': 0.9,
  'fast-vxlan.udp': 0.84,
  'fast-vxlan.rr.vs-flannel': 1.65,
  'fast-vxlan.crr.vs-flannel': 1.8,
  'fast-vxlan.stream.vs-flannel': 2,
  'fast-vxlan.udp.vs-flannel': 2.3,
}

/** One measure's visits, candidate by candidate. */
export type Row = { readonly measure: Measure; readonly candidate: string; readonly visits: readonly Visit[] }

export function rowsOf({ rounds }: Rounds): readonly Row[] {
  const rows = new Map<string, { measure: Measure; candidate: string; visits: Visit[] }>()
  for (const { measure, visits } of rounds)
    for (const visit of visits) {
      const key = `${visit.candidate}.${measure.name}`
      const row = rows.get(key) ?? { measure, candidate: visit.candidate, visits: [] }
      row.visits.push(visit)
      rows.set(key, row)
    }
  return [...rows.values()]
}

export const ratioOf = ({ visits }: Row): Spread => spreadOf(visits.map((v) => v.ratio))
export const ownRatioOf = ({ visits }: Row): Spread => spreadOf(visits.map((v) => v.ownRatio))

export function goalOf(name: string): { readonly goal?: Goal } {
  const least = atLeast[name]
  return least === undefined ? {} : { goal: { atLeast: least } }
}

export function trafficFigures(result: Rounds): readonly Figure[] {
  const rows = rowsOf(result)
  return [
    ...rows.map((row) => ratioFigure(nameOf(row), ratioOf(row))),
    ...againstFlannel(rows),
    ...rows.map((row) => ratioFigure(`${nameOf(row)}.by-cpu`, ownRatioOf(row))),
    ...rows.flatMap((row) => plainFigures(row, result.idleShare)),
    { name: 'machine.loops', unit: '/s', ...spreadOf(result.loops) },
  ]
}

const nameOf = ({ candidate, measure }: Row): string => `${candidate}.${measure.name}`
const ratioFigure = (name: string, spread: Spread): Figure => ({
  ...{ name, unit: 'ratio', ...spread },
  ...goalOf(name),
})

/** Round by round, each by its own ratio to the baseline beside it. */
function againstFlannel(rows: readonly Row[]): readonly Figure[] {
  return rows.flatMap((row) => {
    const other = rows.find((r) => r.candidate === FLANNEL && r.measure === row.measure)
    if (row.candidate !== OVERLAY || !other) return []
    const times = (of: (visit: Visit) => number): Spread =>
      spreadOf(row.visits.map((visit, i) => of(visit) / of(other.visits[i] ?? visit)))
    const name = `${nameOf(row)}.vs-flannel`
    return [
      ratioFigure(
        name,
        times((v) => v.ratio),
      ),
      ratioFigure(
        `${name}.by-cpu`,
        times((v) => v.ownRatio),
      ),
    ]
  })
}

/** What was counted, without a comparison. */
function plainFigures(row: Row, idleShare: number): readonly Figure[] {
  const { measure } = row
  const figure = (name: string, unit: string, value: (visit: Visit) => number): Figure => ({
    name: `${nameOf(row)}.${name}`,
    unit,
    ...spreadOf(row.visits.map(value)),
  })
  const cpuUnit = isStream(measure) ? 'ms/GB' : 'µs'
  const busy = (sample: Sample): number => cpuCost(measure, sample, busyUs(measure, sample, idleShare))
  const all = [
    figure('rate', measure.unit, ({ sample }) => rateOf(sample) * measure.perCount),
    // iperf3 tells its own time only.
    ...(typeof measure.kind !== 'string' ? [] : [figure('cpu', cpuUnit, ({ sample }) => busy(sample))]),
    figure('own-cpu', cpuUnit, ({ sample }) => cpuCost(measure, sample, sample.ownUs)),
  ]
  if (measure.kind !== 'rr' && measure.kind !== 'crr') return all
  return [
    ...all,
    figure('p50', 'µs', ({ sample }) => sample.p50Us),
    figure('p99', 'µs', ({ sample }) => sample.p99Us),
  ]
}
