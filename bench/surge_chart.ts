// A panel of a picture with its axes, and lines in it. PURE.

export type Chart = {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
  /** 0: no axis below. */
  readonly xMost: number
  readonly yLeast: number
  readonly yMost: number
  readonly scale: 'linear' | 'log'
}
export type Point = { readonly x: number; readonly y: number }

export const n = (value: number): string => value.toFixed(1)

const xOf = (chart: Chart, x: number): number => chart.left + (chart.width * x) / chart.xMost

function yOf({ top, height, yLeast, yMost, scale }: Chart, y: number): number {
  const share =
    scale === 'linear'
      ? (y - yLeast) / (yMost - yLeast)
      : Math.log(Math.max(y, yLeast) / yLeast) / Math.log(yMost / yLeast)
  return top + height * (1 - share)
}

const STEPS = [1, 2, 5]

/** Round numbers, at most eight of them. */
export function ticksTo(most: number): readonly number[] {
  const power = 10 ** Math.floor(Math.log10(most / 8))
  const step = [...STEPS, 10].map((s) => s * power).find((s) => most / s <= 8) ?? most
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, i) => i * step)
}

const powersOf10 = (least: number, most: number): readonly number[] =>
  Array.from({ length: Math.round(Math.log10(most / least)) + 1 }, (_, i) => least * 10 ** i)

const tickText = (value: number): string =>
  value >= 1000 ? `${Number((value / 1000).toPrecision(3))}k` : String(Number(value.toPrecision(3)))

export function chartFrame(chart: Chart, title: string): string {
  const { left, top, width, height, xMost, yLeast, yMost, scale } = chart
  const rows = (scale === 'log' ? powersOf10(yLeast, yMost) : ticksTo(yMost)).map((tick) => {
    const y = n(yOf(chart, tick))
    const stroke = tick === yLeast ? '#000' : '#ddd'
    return `<line x1="${left}" x2="${left + width}" y1="${y}" y2="${y}" stroke="${stroke}"/><text x="${left - 6}" y="${n(yOf(chart, tick) + 4)}" text-anchor="end">${tickText(tick)}</text>`
  })
  const columns = (xMost > 0 ? ticksTo(xMost) : []).map((tick) => {
    const x = n(xOf(chart, tick))
    return `<line x1="${x}" x2="${x}" y1="${top + height}" y2="${top + height + 4}" stroke="#000"/><text x="${x}" y="${top + height + 18}" text-anchor="middle">${tickText(tick)}</text>`
  })
  return [`<text x="${left}" y="${top - 11}" font-weight="bold">${title}</text>`, ...rows, ...columns].join(
    '\n',
  )
}

/** @param dash of SVG's kind, or `ring` for a ring round each point instead of a line */
export function line(chart: Chart, points: readonly Point[], colour: string, dash = ''): string {
  const places = points.map(({ x, y }) => `${n(xOf(chart, x))},${n(yOf(chart, y))}`)
  if (dash === 'ring')
    return places
      .map((place) => place.split(','))
      .map(([x, y]) => `<circle cx="${x}" cy="${y}" r="6" fill="none" stroke="${colour}" stroke-width="2"/>`)
      .join('')
  const dashes = dash ? ` stroke-dasharray="${dash}"` : ''
  return `<polyline points="${places.join(' ')}" fill="none" stroke="${colour}" stroke-width="1.8"${dashes}/>`
}
