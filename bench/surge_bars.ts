// What a request costs the path's core, as stacked bars: at half of each path's knee, at it, and far beyond it. PURE.

import { STAGES } from '../src/schema/stages.ts'
import { type Chart, chartFrame, n } from './surge_chart.ts'
import { type Curve, farthest, kneeRps, stepNear } from './surge_figures.ts'
import type { Step } from './surge_steps.ts'

type Part = { readonly name: string; readonly us: number }
type Bar = { readonly label: string; readonly parts: readonly Part[] }
type Box = Pick<Chart, 'left' | 'top' | 'width' | 'height'>

/** A part that is nowhere more than this of a bar is shown with `other`. */
const LEAST_SHARE = 0.025
const OTHER = 'other'
/** From below; without samples there are softirq, system and user alone. */
const PARTS = ['server', 'user', 'kernel', 'system', ...STAGES]
const NAMES: Readonly<Record<string, string>> = {
  kernel: 'system calls, scheduler',
  system: 'kernel for the server',
  user: 'server',
}
const COLOURS: Readonly<Record<string, string>> = {
  ...{ server: '#d9d9d9', user: '#d9d9d9', kernel: '#a6a6a6', system: '#a6a6a6', softirq: '#e6c34a' },
  ...{ driver: '#8c6d31', gro: '#bd9e39', bridge: '#e07b39', netfilter: '#b0413e', conntrack: '#d66a67' },
  ...{ routing: '#1d4e89', encapsulation: '#7b2d8b', decapsulation: '#b07cc6', veth: '#5b8cc0' },
  ...{
    ebpf: '#0b6e4f',
    transmit: '#a3c4e0',
    socket: '#6b7a3a',
    copy: '#b5c36b',
    encryption: '#444',
    other: '#eee',
  },
}
const GROUP = 190
const STRIDE = 52
const BAR = 42
const KEY_COLUMN = 190
const KEY_COLUMNS = 4

export function costBars(curves: readonly Curve[], box: Box, colourOf: (path: string) => string): string {
  const bars = gathered(curves.flatMap(barsOf))
  const most = Math.max(...bars.map(({ parts }) => parts.reduce((sum, p) => sum + p.us, 0)))
  const chart: Chart = { ...box, xMost: 0, yLeast: 0, yMost: most * 1.1, scale: 'linear' }
  const drawn = bars.map((bar, i) => drawBar(chart, bar, i))
  const names = curves.map(({ path }, i) => {
    const x = box.left + 24 + i * GROUP + STRIDE + BAR / 2
    return `<text x="${x}" y="${box.top + box.height + 32}" text-anchor="middle" fill="${colourOf(path)}" font-weight="bold">${path}</text>`
  })
  const title = 'CPU time of the core for each answered request, in µs'
  return [chartFrame(chart, title), ...drawn, ...names, key(bars, box)].join('\n')
}

function barsOf(curve: Curve): readonly Bar[] {
  const knee = kneeRps(curve)
  const bar = (label: string, step: Step | undefined): readonly Bar[] =>
    step ? [{ label, parts: partsOf(step) }] : []
  return [
    ...bar('half', stepNear(curve, knee / 2)),
    ...bar('knee', stepNear(curve, knee)),
    ...bar('beyond', farthest(curve)),
  ]
}

function partsOf({ stages, parts }: Step): readonly Part[] {
  if (stages.length > 0) return stages.map((s) => ({ name: s.stage, us: s.nsPerRequest / 1000 }))
  return Object.entries(parts).map(([name, ns]) => ({ name, us: ns / 1000 }))
}

/** Small parts together, in one order for all bars. */
function gathered(bars: readonly Bar[]): readonly Bar[] {
  const large = new Set(
    bars.flatMap(({ parts }) => {
      const sum = parts.reduce((all, p) => all + p.us, 0)
      return parts.filter((p) => p.us >= LEAST_SHARE * sum).map((p) => p.name)
    }),
  )
  return bars.map(({ label, parts }) => {
    const us = (name: string): number =>
      parts
        .filter((p) =>
          name === OTHER ? p.name === OTHER || !large.has(p.name) : large.has(name) && p.name === name,
        )
        .reduce((sum, p) => sum + p.us, 0)
    return { label, parts: PARTS.map((name) => ({ name, us: us(name) })) }
  })
}

function drawBar({ left, top, height, yMost }: Chart, { label, parts }: Bar, place: number): string {
  const x = left + 24 + Math.floor(place / 3) * GROUP + (place % 3) * STRIDE
  const y = (us: number): number => top + height * (1 - us / yMost)
  let below = 0
  const rects = parts.map(({ name, us }) => {
    const from = below
    below += us
    return us > 0
      ? `<rect x="${x}" y="${n(y(below))}" width="${BAR}" height="${n(y(from) - y(below))}" fill="${COLOURS[name]}"/>`
      : ''
  })
  const middle = x + BAR / 2
  return [
    ...rects,
    `<text x="${middle}" y="${n(y(below) - 4)}" text-anchor="middle" font-size="11">${below.toFixed(1)}</text>`,
    `<text x="${middle}" y="${top + height + 15}" text-anchor="middle" font-size="11">${label}</text>`,
  ].join('')
}

function key(bars: readonly Bar[], { left, top, height }: Box): string {
  const used = PARTS.filter((name) =>
    bars.some(({ parts }) => parts.some((p) => p.name === name && p.us > 0)),
  )
  return used
    .map((name, i) => {
      const x = left + (i % KEY_COLUMNS) * KEY_COLUMN
      const y = top + height + 48 + Math.floor(i / KEY_COLUMNS) * 18
      return `<rect x="${x}" y="${y}" width="11" height="11" fill="${COLOURS[name]}"/><text x="${x + 16}" y="${y + 10}">${NAMES[name] ?? name}</text>`
    })
    .join('\n')
}
