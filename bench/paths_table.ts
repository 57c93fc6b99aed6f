// The comparison on the terminal: a line for each path, a column for each measure.

import { type Figure, printTable } from './lib/figures.ts'
import type { Spread } from './lib/statistics.ts'
import { ownRatioOf, type Row, ratioOf } from './paths_figures.ts'

export function printComparison(rows: readonly Row[], figures: readonly Figure[]): void {
  const candidates = [...new Set(rows.map((r) => r.candidate))]
  const measures = [...new Set(rows.map((r) => r.measure.name))]
  const ratios = (title: string, spread: (row: Row) => Spread): void =>
    printTable(
      [title, ...measures],
      candidates.map((c) => [
        c,
        ...measures.map((m) => {
          const row = rows.find((r) => r.candidate === c && r.measure.name === m)
          return row ? spreadText(spread(row)) : ''
        }),
      ]),
    )
  ratios('ratio to node to node', ratioOf)
  ratios('the same by CPU time', ownRatioOf)
  const valueText = (name: string): string => figures.find((f) => f.name === name)?.value.toPrecision(3) ?? ''
  const columns = measures.flatMap((m) => [`${m}.own-cpu`, `${m}.p50`, `${m}.p99`])
  const shown = columns.filter((column) => candidates.some((c) => valueText(`${c}.${column}`) !== ''))
  printTable(
    ['CPU µs (streams: ms/GB), µs', ...shown],
    candidates.map((c) => [c, ...shown.map((column) => valueText(`${c}.${column}`))]),
  )
}

const spreadText = ({ value, q25, q75 }: Spread): string =>
  `${value.toFixed(3)} (${q25.toFixed(2)}–${q75.toFixed(2)})`
