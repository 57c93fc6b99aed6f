// Advice for a person: the verdict first, then the limit, the evidence, and a row for each way out.

import type { Advice, AdviceOption } from '../schema/advice.ts'
import { paint, table } from './terminal.ts'

export function adviceText(advice: Advice): string {
  const { verdict, limit, limitWhy, evidence, facts } = advice
  const doubt = verdict.certainty === 'weak' ? paint('yellow', ' (weak evidence)') : ''
  const perSecond = limit ? `${limitText(limit)}: ${limitWhy}` : limitWhy
  return [
    `${paint('bold', verdict.words)}${doubt}`,
    `${paint('dim', 'limit   ')}${perSecond}`,
    `${paint('dim', 'seen    ')}${evidence.join(`\n${' '.repeat(8)}`)}`,
    `\n${optionTable(advice)}`,
    `\n${paint('dim', `Over ${facts.seconds.toFixed(1)} s. A factor counts against the limit; «up to» is arithmetic, not a promise.`)}`,
  ].join('\n')
}

function limitText({ unit, perSecond }: NonNullable<Advice['limit']>): string {
  const [value, low, high] = [perSecond.value, perSecond.low, perSecond.high].map(countText)
  return `${paint('bold', `${value} ${unit} a second`)} (${low} – ${high})`
}

/** Three digits are more than a live figure is worth. */
const countText = (n: number): string => Math.round(Number(n.toPrecision(3))).toLocaleString('en')

const COLOURS = {
  helps: 'green',
  'does not help': 'dim',
  'not known': 'yellow',
  'not possible': 'dim',
} as const

const optionTable = ({ options }: Advice): string =>
  table(
    ['WAY OUT', 'ANSWER', 'FACTOR', 'WHY'],
    options.map((o) => [o.name, paint(COLOURS[o.answer], o.answer), factorText(o), o.why]),
  )

function factorText({ factor, answer }: AdviceOption): string {
  if (!factor || answer === 'does not help') return ''
  const { value, low, high } = factor
  if (value === undefined) return `up to ${digits(high)}`
  return `${digits(value)} (${digits(low)} – ${digits(high)})`
}

const digits = (factor: number): string => factor.toFixed(2)
