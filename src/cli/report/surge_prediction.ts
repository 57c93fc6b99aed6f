// What the capacity model foresaw from small loads, and whether more cores or more nodes move the limit.

import type { SurgePath, SurgeScale } from '../../schema/surge_curves.ts'
import { counted, countText } from './figures.ts'
import { html, type Piece } from './html.ts'
import { mark, none, table } from './section.ts'

const rounded = (value: number): string => countText(Math.round(value))

export function surgePredictions(paths: readonly SurgePath[]): Piece {
  const rows = paths.flatMap(({ path, prediction }) => {
    if (!prediction) return []
    if ('refused' in prediction) return [[path, none, none, mark('warn', prediction.refused)]]
    const { rps, low, high, points } = prediction
    return [
      [
        path,
        rounded(rps),
        `${rounded(low)} to ${rounded(high)}`,
        `from ${counted(points, 'load')} well below the reached one`,
      ],
    ]
  })
  if (rows.length === 0) return undefined
  const columns = [
    { head: 'Path' },
    { head: 'Foreseen limit/s', number: true },
    { head: 'Bounds of 95 %', number: true },
    { head: 'From', wide: true },
  ] as const
  return table('The limit as the capacity model foresees it', columns, rows)
}

export function surgeScale(scale: SurgeScale): Piece {
  if (!scale.measured)
    return html`<p class="missing"><strong>more cores, more nodes:</strong> ${scale.why}</p>`
  const rows = scale.rows.map(({ way, path, count, flows, kneeRps }) => [
    path,
    way === 'scale-up' ? counted(count, 'core') : `${counted(count, 'pair')} of nodes`,
    flows,
    kneeRps === null ? none : rounded(kneeRps),
  ])
  const columns = [
    { head: 'Path' },
    { head: 'With' },
    { head: 'Flows', number: true },
    { head: 'Limit/s', number: true },
  ] as const
  return table(
    `Whether more cores or more nodes move the limit, on ${counted(scale.cores, 'core')}`,
    columns,
    rows,
  )
}
