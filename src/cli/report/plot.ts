// A small line chart: several curves over one horizontal axis. Each curve has a colour and a mark of its own, so that
// it is told apart on black and white paper too; the way back down is dashed.

import { countText } from './figures.ts'
import { type Html, html } from './html.ts'

export type Point = { readonly x: number; readonly y: number }
export type Curve = {
  readonly name: string
  /** Which colour and mark it has. */
  readonly place: number
  readonly dashed: boolean
  readonly points: readonly Point[]
}
export type Plot = {
  readonly title: string
  readonly xUnit: string
  readonly yText: (value: number) => string
  /** Each line of the grid is ten times the one before. */
  readonly logarithmic?: true
  /** A thin line where y is x. */
  readonly diagonal?: true
  readonly curves: readonly Curve[]
}

const WIDTH = 340
const HEIGHT = 230
const [LEFT, RIGHT, TOP, BOTTOM] = [52, 18, 12, 40]
const INNER_WIDTH = WIDTH - LEFT - RIGHT
const INNER_HEIGHT = HEIGHT - TOP - BOTTOM

type Scale = { readonly at: (value: number) => number; readonly ticks: readonly number[] }

export function plot(p: Plot): Html {
  const points = p.curves.flatMap((c) => c.points)
  if (points.length === 0) return html``
  const x = linear(Math.max(...points.map((q) => q.x)), (share) => LEFT + share * INNER_WIDTH)
  const up = (share: number): number => TOP + (1 - share) * INNER_HEIGHT
  const ys = points.map((q) => q.y)
  const y = p.logarithmic ? decades(ys, up) : linear(Math.max(...ys), up)
  const label = `${p.title}, over ${p.xUnit}`
  return html`<figure><figcaption>${p.title}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img"><title>${label}</title>
${axes(p, x, y)}${p.diagonal ? diagonal(x, y) : ''}${p.curves.map((c) => curve(c, x, y))}
</svg></figure>
`
}

function axes(p: Plot, x: Scale, y: Scale): Html {
  const across = y.ticks.map(
    (tick) =>
      html`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${n(y.at(tick))}" y2="${n(y.at(tick))}"/><text x="${LEFT - 6}" y="${n(y.at(tick) + 4)}" text-anchor="end">${p.yText(tick)}</text>`,
  )
  const below = x.ticks.map(
    (tick) =>
      html`<text x="${n(x.at(tick))}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle">${countText(tick)}</text>`,
  )
  return html`${across}${below}<text x="${LEFT + INNER_WIDTH / 2}" y="${HEIGHT - 6}" text-anchor="middle">${p.xUnit}</text>`
}

function diagonal(x: Scale, y: Scale): Html {
  const end = Math.min(x.ticks.at(-1) ?? 0, y.ticks.at(-1) ?? 0)
  return html`<line class="diagonal" x1="${n(x.at(0))}" y1="${n(y.at(0))}" x2="${n(x.at(end))}" y2="${n(y.at(end))}"/>`
}

function curve({ name, place, dashed, points }: Curve, x: Scale, y: Scale): Html {
  const way = points.map((p, i) => `${i === 0 ? 'M' : 'L'}${n(x.at(p.x))} ${n(y.at(p.y))}`).join('')
  const marks = points.map((p) => pointMark(place, x.at(p.x), y.at(p.y)))
  return html`<g class="curve c${place % COLOURS}${dashed ? ' dashed' : ''}"><title>${name}</title><path class="line" d="${way}"/>${dashed ? '' : marks}</g>`
}

/** As many as the style sheet has. */
const COLOURS = 7

/** Circle, square, triangle, diamond, then again. */
export function pointMark(place: number, x: number, y: number): Html {
  if (place % 4 === 0) return html`<circle cx="${n(x)}" cy="${n(y)}" r="3"/>`
  const shapes = ['', 'm-3 -3h6v6h-6z', 'm0 -4l4 7h-8z', 'm0 -4l4 4l-4 4l-4 -4z']
  return html`<path d="M${n(x)} ${n(y)}${shapes[place % 4]}"/>`
}

export const curveClass = (place: number): string => `curve c${place % COLOURS}`

function linear(most: number, place: (share: number) => number): Scale {
  const step = roundStep(most / 4)
  const end = Math.max(step, Math.ceil(most / step - 1e-9) * step)
  const count = Math.round(end / step)
  return {
    at: (value) => place(Math.min(1, value / end)),
    ticks: Array.from({ length: count + 1 }, (_, i) => Number((i * step).toPrecision(6))),
  }
}

/** The next of 1, 2, 5, 10, 20 … */
function roundStep(least: number): number {
  if (!(least > 0)) return 1
  const ten = 10 ** Math.floor(Math.log10(least))
  return ten * ([1, 2, 5, 10].find((m) => m * ten >= least - 1e-12) ?? 10)
}

/** Zeros, which have no logarithm, lie on the lowest line. */
function decades(values: readonly number[], place: (share: number) => number): Scale {
  const above = values.filter((v) => v > 0)
  const low = Math.floor(Math.log10(Math.min(...above, 1e9)))
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...above, Number(`1e${low}`)))))
  const share = (value: number): number =>
    value <= 0 ? 0 : Math.min(1, Math.max(0, (Math.log10(value) - low) / (high - low)))
  return {
    at: (value) => place(share(value)),
    ticks: Array.from({ length: high - low + 1 }, (_, i) => Number(`1e${low + i}`)),
  }
}

/** Coordinates are drawn to a tenth. */
const n = (value: number): string => value.toFixed(1)
