// What binds this node, how far it could go, and what each remedy would give, with the figures that it rests on: what
// each core did stands beside it, because an average over the cores hides the one that is full.

import type { Advice, AdviceOption } from '../../schema/advice.ts'
import type { NodeFacts } from './facts.ts'
import { countText, digits, shareText } from './figures.ts'
import { type Html, html, type Piece } from './html.ts'
import { mark, none, notMeasured, table } from './section.ts'
import { barLegend, stackedBar } from './stacked_bar.ts'

export function verdict({ advice }: NodeFacts): Html {
  if (!advice.ok) return notMeasured(advice.error)
  const { verdict: said, evidence, options, facts } = advice.value
  const isCalm = said.cause === 'nothing'
  const sure = said.certainty === 'sure' ? '' : html` ${mark('warn', 'weak evidence')}`
  return html`<p class="verdict ${isCalm ? 'calm' : 'binds'}"><strong>${said.words}</strong>${sure}</p>
<p>${limitText(advice.value)}</p>
${remedies(options)}
${evidence.length === 0 ? '' : html`<h4>What it rests on</h4><ul>${evidence.map((e) => html`<li>${e}</li>`)}</ul>`}
${cores(facts)}
`
}

function limitText({ limit, limitWhy }: Advice): Piece {
  if (!limit) return html`The limit: ${limitWhy}`
  const { value, low, high } = limit.perSecond
  return html`It could carry <strong>${countText(Math.round(value))} ${limit.unit} a second</strong> (${countText(Math.round(low))} to ${countText(Math.round(high))}): ${limitWhy}`
}

const KINDS = {
  helps: 'good',
  'does not help': 'bad',
  'not known': 'warn',
  'not possible': 'warn',
} as const

/** What helps is read first. */
const ORDER = ['helps', 'not known', 'does not help', 'not possible']

function remedies(options: readonly AdviceOption[]): Piece {
  if (options.length === 0) return undefined
  const ways = options.toSorted((a, b) => ORDER.indexOf(a.answer) - ORDER.indexOf(b.answer))
  const rows = ways.map(({ name, answer, factor, why }) => [
    name,
    mark(KINDS[answer], answer),
    factor ? factorCell(factor) : none,
    why,
  ])
  const columns = [
    { head: 'What could be done' },
    { head: 'Answer' },
    { head: 'Times the limit', number: true },
    { head: 'Why', wide: true },
  ] as const
  return table('What each way out would give', columns, rows)
}

/** Without a value: the least and the most that is possible. */
function factorCell({ value, low, high }: NonNullable<AdviceOption['factor']>): Html {
  const bounds = `${digits(low)} to ${digits(high)}`
  if (value === undefined) return html`${bounds}`
  return low === high ? html`× ${digits(value)}` : html`× ${digits(value)} <small>${bounds}</small>`
}

const PARTS = [
  ['softirq', '#b0413e'],
  ['system', '#1d4e89'],
  ['user', '#6a4c93'],
  ['steal', '#d99a4e'],
] as const
/** More are a wall of bars; the busiest are those that bind. */
const SHOWN = 16

function cores({ cores: all, seconds }: Advice['facts']): Piece {
  if (all.length === 0) return undefined
  const busiest = all.toSorted((a, b) => a.idle - b.idle).slice(0, SHOWN)
  const shown = busiest.toSorted((a, b) => a.cpu - b.cpu)
  const bars = shown.map((core) => {
    const words = PARTS.map(([part]) => `${part} ${shareText(core[part])}`).join(', ')
    const pieces = PARTS.map(([part, colour]) => ({
      name: part,
      share: core[part],
      colour,
      words: shareText(core[part]),
    }))
    return html`<div class="core"><span>core ${core.cpu}</span> ${stackedBar(`core ${core.cpu}: ${words}`, pieces)} <span class="number">${shareText(1 - core.idle)}</span></div>
`
  })
  const few = shown.length < all.length ? `, the ${shown.length} busiest of ${all.length}` : ''
  return html`<h4>What each core did in ${seconds.toFixed(0)} s${few}</h4>
<div class="bars cores">${bars}</div>
${barLegend(PARTS.map(([name, colour]) => ({ name, colour })))}`
}
