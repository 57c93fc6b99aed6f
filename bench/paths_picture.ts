// The comparison as a picture: for each measure a group of bars, one for each path, with quartiles and goals. PURE.

import { BASELINE } from './paths_candidates.ts'
import { goalOf, type Row, ratioOf } from './paths_figures.ts'
import type { Measure } from './paths_measures.ts'

const BAR = 22
const GROUP_GAP = 26
const LEFT = 46
const TOP = 78
const HEIGHT = 260
const BOTTOM = 34
/** Dark to light by how near they are to the wire; told apart without colour by their order. */
const COLOURS = ['#0b6e4f', '#3aa17e', '#1d4e89', '#5b8cc0', '#a3c4e0', '#b0413e', '#d99a4e']

/** @param rows of one run; the baseline is the line at 1 */
export function pathsPicture(rows: readonly Row[]): string {
  const candidates = [...new Set(rows.map((r) => r.candidate))].filter((c) => c !== BASELINE)
  const measures = [...new Set(rows.map((r) => r.measure))]
  const top = Math.max(1.05, ...rows.filter((r) => r.candidate !== BASELINE).map((r) => ratioOf(r).q75))
  const y = (ratio: number): number => TOP + HEIGHT * (1 - ratio / top)
  const groupWidth = candidates.length * BAR + GROUP_GAP
  const width = Math.max(LEFT + measures.length * groupWidth + 10, 760)
  const groups = measures.map((measure, m) => {
    const left = LEFT + m * groupWidth + GROUP_GAP / 2
    const bars = candidates.map((candidate, c) => {
      const row = rows.find((r) => r.candidate === candidate && r.measure === measure)
      return row ? bar(row, left + c * BAR, COLOURS[c % COLOURS.length] ?? '', y) : ''
    })
    return [...bars, label(measure, left + (candidates.length * BAR) / 2)].join('\n')
  })
  const height = TOP + HEIGHT + BOTTOM
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="12">
<title>Pod to pod between two nodes, as a ratio to node to node</title>
<rect width="100%" height="100%" fill="#fff"/>
<text x="${LEFT}" y="22" font-size="15" font-weight="bold">Pod to pod between two nodes: ratio to node to node</text>
${legend(candidates)}
${axis(width, y)}
${groups.join('\n')}
</svg>
`
}

function legend(candidates: readonly string[]): string {
  let x = LEFT
  const entries = candidates.map((candidate, c) => {
    const entry = `<rect x="${n(x)}" y="34" width="11" height="11" fill="${COLOURS[c % COLOURS.length]}"/><text x="${n(x + 15)}" y="44">${candidate}</text>`
    x += 30 + candidate.length * 6.6
    return entry
  })
  return [
    ...entries,
    `<text x="${LEFT}" y="62" fill="#555" font-size="11">bars: median; thin line: quartiles; black tick: goal</text>`,
  ].join('\n')
}

function axis(width: number, y: (ratio: number) => number): string {
  return [0, 0.25, 0.5, 0.75, 1]
    .map((ratio) => {
      const stroke = ratio === 1 ? '#000' : '#ddd'
      const line = `<line x1="${LEFT}" x2="${width - 8}" y1="${n(y(ratio))}" y2="${n(y(ratio))}" stroke="${stroke}"/>`
      return `${line}<text x="${LEFT - 6}" y="${n(y(ratio) + 4)}" text-anchor="end">${ratio}</text>`
    })
    .join('\n')
}

function bar(row: Row, x: number, colour: string, y: (ratio: number) => number): string {
  const { value, q25, q75 } = ratioOf(row)
  const middle = x + BAR / 2 - 1
  const { goal } = goalOf(`${row.candidate}.${row.measure.name}`)
  const tick = goal && 'atLeast' in goal ? y(goal.atLeast) : undefined
  return [
    `<rect x="${x}" y="${n(y(value))}" width="${BAR - 2}" height="${n(y(0) - y(value))}" fill="${colour}"/>`,
    `<line x1="${middle}" x2="${middle}" y1="${n(y(q25))}" y2="${n(y(q75))}" stroke="#222"/>`,
    `<text x="${middle}" y="${n(y(Math.max(value, q75)) - 3)}" text-anchor="middle" font-size="10">${value.toFixed(2)}</text>`,
    ...(tick === undefined
      ? []
      : [
          `<line x1="${x - 1}" x2="${x + BAR - 1}" y1="${n(tick)}" y2="${n(tick)}" stroke="#000" stroke-width="2"/>`,
        ]),
  ].join('')
}

const label = ({ title }: Measure, x: number): string =>
  `<text x="${x}" y="${TOP + HEIGHT + 20}" text-anchor="middle">${title}</text>`

const n = (value: number): string => value.toFixed(1)
