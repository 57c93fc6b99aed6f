// Where a request's time goes on each path, at the highest load that the path still served: beyond it the time of what is
// lost weighs on what arrives.

import { STAGE_WORDS, STAGES, type Stage } from '../../schema/stages.ts'
import type { SurgePath, SurgeStep } from '../../schema/surge_curves.ts'
import { countText, timeText } from './figures.ts'
import { html, type Piece } from './html.ts'
import { barLegend, stackedBar } from './stacked_bar.ts'
import { STAGE_COLOURS } from './stage_colours.ts'

const SERVED = 0.01

/** Beside the stages of packets: a process' own code, and the kernel for it. */
const OTHERS: Readonly<Record<string, readonly [words: string, colour: string]>> = {
  server: ['the server’s own code', '#d8c3a5'],
  kernel: ['the kernel for it', '#c9ced6'],
}
const isStage = (name: string): name is Stage => STAGES.some((s) => s === name)
const colourOf = (name: string): string =>
  isStage(name) ? STAGE_COLOURS[name] : (OTHERS[name]?.[1] ?? '#9a9a94')
const wordsOf = (name: string): string => (isStage(name) ? STAGE_WORDS[name] : (OTHERS[name]?.[0] ?? name))
const ORDER: readonly string[] = [...STAGES, ...Object.keys(OTHERS)]

export function surgeStages(paths: readonly SurgePath[]): Piece {
  const served = paths.flatMap(({ path, steps }) => {
    const step = lastServed(steps)
    return step?.stages && step.stages.length > 0 ? [{ path, step, stages: step.stages }] : []
  })
  if (served.length === 0) return undefined
  const sums = served.map(({ stages }) => stages.reduce((sum, s) => sum + s.nsPerRequest, 0))
  const most = Math.max(...sums)
  const names = ORDER.filter((name) => served.some((s) => s.stages.some((part) => part.stage === name)))
  const bars = served.map(({ path, step, stages }, i) => {
    const pieces = stages
      .toSorted((a, b) => ORDER.indexOf(a.stage) - ORDER.indexOf(b.stage))
      .map(({ stage, nsPerRequest }) => ({
        name: stage,
        share: nsPerRequest / most,
        colour: colourOf(stage),
        words: timeText(nsPerRequest),
      }))
    const cost = `${timeText(sums[i] ?? 0)} a request at ${countText(Math.round(step.offered))} a second`
    return html`<div class="bar"><div class="of"><strong>${path}</strong> <span>${cost}</span></div>
${stackedBar(`${path}: ${cost}, by stage`, pieces)}</div>
`
  })
  return html`<h4>A request’s CPU time by stage, at the highest load that was served</h4>
<div class="bars">${bars}</div>
${barLegend(names.map((name) => ({ name: wordsOf(name), colour: colourOf(name) })))}`
}

const lastServed = (steps: readonly SurgeStep[]): SurgeStep | undefined =>
  steps
    .filter((s) => s.direction === 'up' && s.loss < SERVED && s.generatorIsLimit !== true)
    .toSorted((a, b) => a.offered - b.offered)
    .at(-1)
