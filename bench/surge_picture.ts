// The surge as a picture of three parts: served by offered load, p99 by offered load, and what a request costs where. PURE.

import { costBars } from './surge_bars.ts'
import { type Chart, chartFrame, line } from './surge_chart.ts'
import { type Curve, kneeRps, stepNear } from './surge_figures.ts'
import { P99_BOUND_MS } from './surge_knee.ts'

const WIDTH = 860
const PANEL = { left: 64, width: 770, height: 230 } as const
const TOPS = [104, 404, 704] as const
const HEIGHT = 1070
const COLOURS: Readonly<Record<string, string>> = {
  flannel: '#b0413e',
  'plain-direct': '#1d4e89',
  'fast-vxlan': '#3aa17e',
  'fast-direct': '#0b6e4f',
}
const colourOf = (path: string): string => COLOURS[path] ?? '#555'

export function surgePicture(curves: readonly Curve[]): string {
  const most = Math.max(...curves.flatMap((c) => c.steps.map((s) => s.offered)))
  const served = Math.max(...curves.flatMap((c) => c.steps.map((s) => s.served)))
  const times = curves.flatMap((c) => c.steps.map((s) => s.p99Ms)).filter((ms) => ms > 0)
  const [least, longest] = [Math.min(...times), Math.max(...times)]
  const first: Chart = {
    ...PANEL,
    top: TOPS[0],
    xMost: most,
    yLeast: 0,
    yMost: served * 1.05,
    scale: 'linear',
  }
  const yLeast = 10 ** Math.floor(Math.log10(least))
  const second: Chart = {
    ...first,
    top: TOPS[1],
    yLeast,
    yMost: 10 ** Math.ceil(Math.log10(longest)),
    scale: 'log',
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif" font-size="12">
<title>An open load over four paths: served, p99 and cost by offered load</title>
<rect width="100%" height="100%" fill="#fff"/>
<text x="${PANEL.left}" y="24" font-size="15" font-weight="bold">A surge over four paths, one core for path and server</text>
${legend(curves)}
${chartFrame(first, 'Answered requests a second, by offered ones')}
${line(
  first,
  [
    { x: 0, y: 0 },
    { x: served * 1.05, y: served * 1.05 },
  ],
  '#bbb',
  '2 3',
)}
${curves.map((c) => bothWays(first, c, (s) => s.served)).join('\n')}
${chartFrame(second, `p99 in ms from the intended start, by offered requests a second; the bound of ${P99_BOUND_MS} ms`)}
${line(
  second,
  [
    { x: 0, y: P99_BOUND_MS },
    { x: most, y: P99_BOUND_MS },
  ],
  '#000',
  '2 3',
)}
${curves.map((c) => bothWays(second, c, (s) => s.p99Ms)).join('\n')}
${costBars(curves, { ...PANEL, top: TOPS[2] }, colourOf)}
</svg>
`
}

function legend(curves: readonly Curve[]): string {
  const entries = curves.map(({ path }, i) => {
    const x = PANEL.left + i * 130
    return `<rect x="${x}" y="36" width="11" height="11" fill="${colourOf(path)}"/><text x="${x + 16}" y="46">${path}</text>`
  })
  const note = 'full line: load going up; broken line: going down; ring: the knee'
  return [...entries, `<text x="${PANEL.left}" y="66" fill="#555" font-size="11">${note}</text>`].join('\n')
}

function bothWays(chart: Chart, curve: Curve, value: (step: Curve['steps'][number]) => number): string {
  const points = (direction: string) =>
    curve.steps
      .filter((s) => s.direction === direction)
      .map((s) => ({ x: s.offered, y: value(s) }))
      .sort((a, b) => a.x - b.x)
  const colour = colourOf(curve.path)
  const step = stepNear(curve, kneeRps(curve))
  const ring = step ? line(chart, [{ x: step.offered, y: value(step) }], colour, 'ring') : ''
  return [line(chart, points('up'), colour), line(chart, points('down'), colour, '5 4'), ring].join('\n')
}
