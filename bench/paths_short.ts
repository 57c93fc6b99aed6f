// What `make demo` ends with: pod to pod over each path beside node to node, in a few short rounds. Enough to see which
// is which; `make bench-paths` measures.

import { setTimeout as sleep } from 'node:timers/promises'
import { printTable } from './lib/figures.ts'
import { enterSandbox } from './lib/sandbox.ts'
import { median } from './lib/statistics.ts'
import { rateOf } from './lib/traffic.ts'
import { BASELINE, makeCandidates } from './paths_candidates.ts'
import { ownRatioOf, type Row, rowsOf } from './paths_figures.ts'
import { measuresNamed } from './paths_measures.ts'
import { checkPaths, runRounds } from './paths_rounds.ts'

const ROUNDS = 3
const MS = 100
const titles: Readonly<Record<string, string>> = {
  [BASELINE]: 'node to node',
  'fast-direct': 'fast, direct',
  'fast-vxlan': 'fast, VXLAN',
  'plain-direct': 'plain, direct',
  'plain-vxlan': 'plain, VXLAN',
  flannel: 'flannel’s datapath',
}

enterSandbox()
const candidates = await makeCandidates(Object.keys(titles))
// New pods get their programs when no ADD waits.
await sleep(500)
checkPaths(candidates)
const measures = measuresNamed(['rr', 'stream-lean', 'udp'])
const rows = rowsOf(runRounds({ candidates, measures, rounds: ROUNDS, ms: MS }))
/** By the CPU time of the two ends: a busy machine takes it from nobody. */
const cell = (row: Row | undefined): string => {
  if (!row) return ''
  return row.candidate === BASELINE ? `1 = ${rateText(row)}` : ownRatioOf(row).value.toFixed(2)
}
printTable(
  ['', ...measures.map((m) => m.title)],
  Object.entries(titles).map(([name, title]) => [
    title,
    ...measures.map((measure) => cell(rows.find((r) => r.candidate === name && r.measure === measure))),
  ]),
)
console.log(
  `\n  Of node to node, in the same CPU time; ${ROUNDS} rounds of ${MS} ms. «make bench-paths» measures with care.`,
)
process.exit(0)

function rateText({ measure, visits }: Row): string {
  const rate = median(visits.map(({ sample }) => rateOf(sample))) * measure.perCount
  const number = rate < 1000 ? rate.toFixed(1) : `${Math.round(rate / 1000)}k`
  return `${number}${measure.unit.startsWith('/') ? '' : ' '}${measure.unit}`
}
