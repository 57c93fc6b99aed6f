// `make bench-ramp`: «a faster path helps», foretold and tried. In a lab that is up: a rising load by the plain lane and by
// the fast one, several times; what the loads below three quarters of each limit foretell, against what was reached.
// Options: --ramps (3), --look (0.2s).

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import type { LaneRamp, RampReport } from '../src/schema/ramp.ts'
import { type Figure, publish, single } from './lib/figures.ts'
import { option, textOption } from './lib/sandbox.ts'
import { spreadOf } from './lib/statistics.ts'

const NEAR = 0.15
const podlane = join(import.meta.dirname, '../podlane')

function ramp(): RampReport {
  const { stdout, status } = spawnSync(
    podlane,
    ['bench', 'ramp', '--json', '--look', textOption('look') ?? '0.2s'],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      maxBuffer: 2 ** 26,
    },
  )
  if (status !== 0) throw new Error(`podlane bench ramp ended with ${status}`)
  // The command of this very tree wrote it.
  return JSON.parse(stdout) as RampReport
}

/** Where the generator was late before the path was full, the limit is not known. */
const isReached = ({ reached }: LaneRamp): boolean => !reached.orAbove && reached.rps > 0
const errorOf = ({ reached, predicted }: LaneRamp): readonly number[] =>
  'value' in predicted ? [Math.abs(predicted.value / reached.rps - 1)] : []

/** None of nothing: a bench that has found no limit says so by the figures that are missing. */
const spread = (
  name: string,
  unit: string,
  values: readonly number[],
  goal?: Figure['goal'],
): readonly Figure[] =>
  values.length > 0 ? [{ name, unit, ...spreadOf(values), ...(goal ? { goal } : {}) }] : []

function laneFigures(reports: readonly RampReport[], lane: 'plain' | 'fast'): readonly Figure[] {
  const own = reports.flatMap((r) => r.lanes.filter((l) => l.lane === lane))
  const reached = own.filter(isReached)
  const errors = reached.flatMap(errorOf)
  for (const { predicted } of own) if ('refused' in predicted) console.error(`${lane}: ${predicted.refused}`)
  return [
    ...spread(
      `${lane}.knee.rps`,
      '/s',
      reached.map((l) => l.reached.rps),
    ),
    { name: `${lane}.predictions`, unit: `of ${own.length}`, ...single(errors.length) },
    ...spread(`${lane}.prediction.error`, 'ratio', errors, { atMost: NEAR }),
    ...askersFigures(lane, own),
  ]
}

function askersFigures(lane: string, own: readonly LaneRamp[]): readonly Figure[] {
  const askers = own.flatMap((l) => l.askers ?? [])
  const counts = askers[0]?.points.map((p) => p.askers) ?? []
  const rpsOf = (n: number): readonly number[] =>
    askers.flatMap(({ points }) => points.filter((p) => p.askers === n).map((p) => p.rps))
  const laws = askers.filter(({ law }) => !('refused' in law))
  return [
    ...counts.flatMap((n) => spread(`${lane}.askers${n}.rps`, '/s', rpsOf(n))),
    { name: `${lane}.scalability-laws`, unit: `of ${own.length}`, ...single(laws.length) },
  ]
}

const ramps = option('ramps', 3)
const reports = Array.from({ length: ramps }, (_, i) => {
  console.error(`ramp ${i + 1} of ${ramps}`)
  return ramp()
})
const gains = reports.flatMap((r) => (r.gain && r.lanes.every(isReached) ? [r.gain] : []))
const foretold = gains.flatMap(({ predicted, reached }) =>
  predicted ? [{ predicted: predicted.value, error: Math.abs(predicted.value / reached - 1) }] : [],
)
for (const word of reports.at(-1)?.words ?? []) console.error(word)
publish('ramp', [
  ...laneFigures(reports, 'plain'),
  ...laneFigures(reports, 'fast'),
  ...spread(
    'gain.reached',
    'ratio',
    gains.map((g) => g.reached),
  ),
  { name: 'gain.predictions', unit: `of ${ramps}`, ...single(foretold.length) },
  ...spread(
    'gain.predicted',
    'ratio',
    foretold.map((f) => f.predicted),
  ),
  ...spread(
    'gain.prediction.error',
    'ratio',
    foretold.map((f) => f.error),
    { atMost: NEAR },
  ),
])
