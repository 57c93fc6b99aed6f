// A ramp for a person: the verdict, what each lane carried, and its steps as they come.

import type { AskersPoint, RampReport, RampStep } from '../schema/ramp.ts'
import { adviceText } from './advise_text.ts'
import { paint } from './terminal.ts'

const count = (n: number): string => Math.round(n).toLocaleString('en')

/** One line while it runs. */
export function stepText(lane: string, step: RampStep, isServed: boolean): string {
  const { offered, served, p99Us, cores } = step
  const mark = isServed
    ? paint('green', 'served')
    : step.generatorIsLimit
      ? 'generator late'
      : paint('yellow', 'full')
  const cost = count((cores.reduce((sum, c) => sum + c.busy, 0) * 1e9) / Math.max(1, served))
  return `${lane.padEnd(5)} ${count(offered).padStart(8)}/s  p99 ${count(p99Us).padStart(7)} µs  ${cost.padStart(7)} ns each  ${mark}`
}

export const roundText = (lane: string, what: string, round: number, rounds: number): string =>
  paint('dim', `${lane.padEnd(5)} ${what}: look ${round} of ${rounds}`)

export const askersText = (lane: string, { askers, rps, p50Us }: AskersPoint): string =>
  `${lane.padEnd(5)} ${count(rps).padStart(8)}/s  p50 ${count(p50Us).padStart(7)} µs  by ${askers} who ${askers === 1 ? 'waits' : 'wait'} for answers`

export function rampText({ from, to, path, cores, words, advice }: RampReport): string {
  const [verdict = '', ...lanes] = words
  const where = `${from} → ${to}, ${path}; ${cores} ${cores === 1 ? 'core' : 'cores'} for the path, one for the generator`
  return [
    ...[paint('bold', verdict), ...lanes, paint('dim', where)],
    ...(advice ? [`\nAt the plain lane’s limit:\n${adviceText(advice)}`] : []),
  ].join('\n')
}
