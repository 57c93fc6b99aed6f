// What a rising load does to each path: what is served, how long it takes, what is lost, and where the machine's time
// goes. One set of marks for all charts, and the steps as a table.

import type { Result } from '../../base/result.ts'
import type { SurgeCurves, SurgePath, SurgeStep } from '../../schema/surge_curves.ts'
import { counted, countText, millisecondsText, shareText, timeText } from './figures.ts'
import { type Html, html, type Piece } from './html.ts'
import { type Curve, curveClass, type Plot, plot, pointMark } from './plot.ts'
import { none, notMeasured, table } from './section.ts'
import { surgePredictions, surgeScale } from './surge_prediction.ts'
import { surgeStages } from './surge_stages.ts'

type Chart = Pick<Plot, 'title' | 'yText' | 'logarithmic' | 'diagonal'> & {
  /** null: nothing was measured there. */
  readonly of: (step: SurgeStep) => number | null
}

const CHARTS: readonly Chart[] = [
  { title: 'Served, requests a second', of: (s) => s.served, yText: countText, diagonal: true },
  { title: 'Latency p50', of: (s) => s.p50Ms, yText: millisecondsText, logarithmic: true },
  { title: 'Latency p99', of: (s) => s.p99Ms, yText: millisecondsText, logarithmic: true },
  { title: 'Latency p99.9', of: (s) => s.p999Ms, yText: millisecondsText, logarithmic: true },
  { title: 'Lost', of: (s) => s.loss, yText: shareText },
  { title: 'The path’s cores, busy', of: (s) => s.busyShare, yText: shareText },
  { title: 'The path’s cores, in softirq', of: (s) => s.softirqShare, yText: shareText },
  { title: 'CPU time of a request', of: (s) => s.nsPerRequest, yText: timeText },
]

export function surgeSection(surge: Result<SurgeCurves>): Html {
  if (!surge.ok) return notMeasured(surge.error)
  const { paths, machine, scale } = surge.value
  if (paths.length === 0) return html`<p>The file has no path.</p>`
  const charts = CHARTS.map(({ of, ...chart }) =>
    plot({
      ...chart,
      xUnit: 'requests offered a second',
      curves: paths.flatMap((p, i) => curvesOf(p, i, of)),
    }),
  )
  const on = Object.entries(machine ?? {}).map(([key, value]) => `${key} ${value}`)
  return html`${on.length === 0 ? '' : html`<p>Measured on: ${on.join(', ')}.</p>`}
${late(paths)}${legend(paths)}
<div class="charts">${charts}</div>
${surgeStages(paths)}
${surgePredictions(paths)}
${scale ? surgeScale(scale) : ''}
${steps(paths)}
`
}

const isOfPath = (step: SurgeStep): boolean => step.generatorIsLimit !== true

function late(paths: readonly SurgePath[]): Piece {
  const left = paths.flatMap((p) => p.steps).filter((s) => !isOfPath(s)).length
  if (left === 0) return undefined
  return html`<p>${counted(left, 'step')} left out of the charts: there the load generator was the limit.</p>`
}

/** Down is joined to the last step up: the load does not jump. */
function curvesOf({ path, steps: all }: SurgePath, place: number, of: Chart['of']): Curve[] {
  const some = all.filter(isOfPath)
  const up = some.filter((s) => s.direction === 'up')
  const down = some.filter((s) => s.direction === 'down')
  const points = (part: readonly SurgeStep[]) =>
    part.flatMap((s) => {
      const y = of(s)
      return y === null ? [] : [{ x: s.offered, y }]
    })
  const back = points([...up.slice(-1), ...down])
  return [
    { name: path, place, dashed: false, points: points(up) },
    ...(down.length === 0 ? [] : [{ name: `${path}, on the way down`, place, dashed: true, points: back }]),
  ]
}

function legend(paths: readonly SurgePath[]): Html {
  const entries = paths.map(
    ({ path }, i) =>
      html`<li><svg width="28" height="12" aria-hidden="true"><g class="${curveClass(i)}"><path class="line" d="M0 6h28"/>${pointMark(i, 14, 6)}</g></svg> ${path}</li>`,
  )
  const isBack = paths.some((p) => p.steps.some((s) => s.direction === 'down'))
  return html`<ul class="legend">${entries}${isBack ? html`<li>dashed: the load falls again</li>` : ''}</ul>`
}

function steps(paths: readonly SurgePath[]): Html {
  const figure = (value: number | null, text: (value: number) => string): Piece =>
    value === null ? none : text(value)
  const rows = paths.flatMap(({ path, steps: all }) =>
    all.map((s) => [
      path,
      s.direction,
      countText(Math.round(s.offered)),
      countText(Math.round(s.served)),
      ...[s.p50Ms, s.p99Ms, s.p999Ms].map((ms) => figure(ms, millisecondsText)),
      ...[s.loss, s.busyShare, s.softirqShare].map((share) => figure(share, shareText)),
      figure(s.nsPerRequest, timeText),
      isOfPath(s) ? '' : 'the generator',
    ]),
  )
  const heads = ['Offered/s', 'Served/s', 'p50', 'p99', 'p99.9', 'Lost', 'Busy', 'Softirq', 'CPU/request']
  const columns = [
    { head: 'Path' },
    { head: 'Load' },
    ...heads.map((head) => ({ head, number: true }) as const),
    { head: 'Limited by' },
  ]
  return html`<details><summary>The ${rows.length} steps as a table</summary>${table('Steps of the load', columns, rows)}</details>`
}
