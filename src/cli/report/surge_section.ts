// What a rising load does to each path: what is served, how long it takes, what is lost, and where the machine's time
// goes. One set of marks for all charts, and the steps as a table.

import type { Result } from '../../base/result.ts'
import type { SurgeCurves, SurgePath, SurgeStep } from '../../schema/surge_curves.ts'
import { countText, millisecondsText, shareText, timeText } from './figures.ts'
import { type Html, html } from './html.ts'
import { type Curve, curveClass, type Plot, plot, pointMark } from './plot.ts'
import { notMeasured, table } from './section.ts'

type Chart = Pick<Plot, 'title' | 'yText' | 'logarithmic' | 'diagonal'> & {
  readonly of: (step: SurgeStep) => number
}

const CHARTS: readonly Chart[] = [
  { title: 'Served, requests a second', of: (s) => s.served, yText: countText, diagonal: true },
  { title: 'Latency p50', of: (s) => s.p50Ms, yText: millisecondsText, logarithmic: true },
  { title: 'Latency p99', of: (s) => s.p99Ms, yText: millisecondsText, logarithmic: true },
  { title: 'Latency p99.9', of: (s) => s.p999Ms, yText: millisecondsText, logarithmic: true },
  { title: 'Lost', of: (s) => s.loss, yText: shareText },
  { title: 'All cores’ time, busy', of: (s) => s.busyShare, yText: shareText },
  { title: 'All cores’ time, in softirq', of: (s) => s.softirqShare, yText: shareText },
  { title: 'CPU time of a request', of: (s) => s.nsPerRequest, yText: timeText },
]

export function surgeSection(surge: Result<SurgeCurves>): Html {
  if (!surge.ok) return notMeasured(surge.error)
  const { paths } = surge.value
  if (paths.length === 0) return html`<p>The file has no path.</p>`
  const charts = CHARTS.map(({ of, ...chart }) =>
    plot({
      ...chart,
      xUnit: 'requests offered a second',
      curves: paths.flatMap((p, i) => curvesOf(p, i, of)),
    }),
  )
  return html`${legend(paths)}
<div class="charts">${charts}</div>
${steps(paths)}
`
}

/** Down is joined to the last step up: the load does not jump. */
function curvesOf({ path, steps: all }: SurgePath, place: number, of: (step: SurgeStep) => number): Curve[] {
  const up = all.filter((s) => s.direction === 'up')
  const down = all.filter((s) => s.direction === 'down')
  const points = (some: readonly SurgeStep[]) => some.map((s) => ({ x: s.offered, y: of(s) }))
  return [
    { name: path, place, dashed: false, points: points(up) },
    ...(down.length === 0
      ? []
      : [
          {
            name: `${path}, on the way down`,
            place,
            dashed: true,
            points: points([...up.slice(-1), ...down]),
          },
        ]),
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
  const rows = paths.flatMap(({ path, steps: all }) =>
    all.map((s) => [
      path,
      s.direction,
      countText(s.offered),
      countText(s.served),
      millisecondsText(s.p50Ms),
      millisecondsText(s.p99Ms),
      millisecondsText(s.p999Ms),
      shareText(s.loss),
      shareText(s.busyShare),
      shareText(s.softirqShare),
      timeText(s.nsPerRequest),
    ]),
  )
  const heads = ['Offered/s', 'Served/s', 'p50', 'p99', 'p99.9', 'Lost', 'Busy', 'Softirq', 'CPU/request']
  const columns = [
    { head: 'Path' },
    { head: 'Load' },
    ...heads.map((head) => ({ head, number: true }) as const),
  ]
  return html`<details><summary>The ${rows.length} steps as a table</summary>${table('Steps of the load', columns, rows)}</details>`
}
