// `make bench-ramp`: «a faster path helps», foretold and tried. In a lab that is up: a rising load by the plain lane and by
// the fast one, several times; what the loads below half of each limit foretell, against what was reached.
// Options: --ramps (3), --step (1s).

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import type { LaneRamp, RampReport } from '../src/schema/ramp.ts'
import { type Figure, publish, single } from './lib/figures.ts'
import { option, textOption } from './lib/sandbox.ts'
import { median, spreadOf } from './lib/statistics.ts'

const NEAR = 0.15
const podlane = join(import.meta.dirname, '../podlane')

function ramp(): RampReport {
  const { stdout, status } = spawnSync(
    podlane,
    ['bench', 'ramp', '--json', '--step', textOption('step') ?? '1s'],
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

const errorOf = ({ reached, predicted }: LaneRamp): readonly number[] =>
  'value' in predicted ? [Math.abs(predicted.value / reached.rps - 1)] : []

function laneFigures(reports: readonly RampReport[], lane: 'plain' | 'fast'): readonly Figure[] {
  const own = reports.flatMap((r) => r.lanes.filter((l) => l.lane === lane))
  const errors = own.flatMap(errorOf)
  for (const { predicted } of own) if ('refused' in predicted) console.error(`${lane}: ${predicted.refused}`)
  return [
    { name: `${lane}.knee.rps`, unit: '/s', ...spreadOf(own.map((l) => l.reached.rps)) },
    { name: `${lane}.predictions`, unit: `of ${own.length}`, ...single(errors.length) },
    ...(errors.length > 0
      ? [{ name: `${lane}.prediction.error`, unit: 'ratio', ...spreadOf(errors), goal: { atMost: NEAR } }]
      : []),
  ]
}

const ramps = option('ramps', 3)
const reports = Array.from({ length: ramps }, (_, i) => {
  console.error(`ramp ${i + 1} of ${ramps}`)
  return ramp()
})
const gains = reports.flatMap((r) => (r.gain ? [r.gain] : []))
const foretold = gains.flatMap((g) => (g.predicted ? [g.predicted.value] : []))
for (const word of reports.at(-1)?.words ?? []) console.error(word)
publish('ramp', [
  ...laneFigures(reports, 'plain'),
  ...laneFigures(reports, 'fast'),
  ...(gains.length > 0
    ? [{ name: 'gain.reached', unit: 'ratio', ...spreadOf(gains.map((g) => g.reached)) }]
    : []),
  ...(foretold.length > 0
    ? [
        { name: 'gain.predicted', unit: 'ratio', ...spreadOf(foretold) },
        {
          name: 'gain.prediction.error',
          unit: 'ratio',
          ...single(Math.abs(median(foretold) / median(gains.map((g) => g.reached)) - 1)),
          goal: { atMost: NEAR },
        },
      ]
    : []),
])
