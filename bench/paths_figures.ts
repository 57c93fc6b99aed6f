import { printTable } from './lib/figures.ts'
import { median, spreadOf } from './lib/statistics.ts'
import { rateOf } from './lib/traffic.ts'
import type { Rounds } from './paths_rounds.ts'

export function printRatios({ rounds }: Rounds): void {
  const measures = [...new Set(rounds.map((r) => r.measure.name))]
  const candidates = [...new Set(rounds.flatMap((r) => r.visits.map((v) => v.candidate)))]
  const cell = (candidate: string, measure: string): string => {
    const ratios = rounds
      .filter((r) => r.measure.name === measure)
      .flatMap((r) => r.visits.filter((v) => v.candidate === candidate).map((v) => v.ratio))
    const { value, q25, q75 } = spreadOf(ratios)
    const rates = rounds
      .filter((r) => r.measure.name === measure)
      .flatMap((r) => r.visits.filter((v) => v.candidate === candidate).map((v) => rateOf(v.sample)))
    console.error(candidate, measure, median(rates).toPrecision(4))
    return `${value.toFixed(3)} (${q25.toFixed(2)}–${q75.toFixed(2)})`
  }
  printTable(
    ['path', ...measures],
    candidates.map((c) => [c, ...measures.map((m) => cell(c, m))]),
  )
}
