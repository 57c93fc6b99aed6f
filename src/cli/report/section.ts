// The few shapes that every part of a report is made of: a section, a table, a word about what was not measured.

import type { Fault } from '../../base/result.ts'
import { whyText } from './facts.ts'
import { type Html, html, type Piece } from './html.ts'

/** @param id what the page's own links lead to */
export const section = (id: string, title: string, ...body: readonly Piece[]): Html =>
  html`<section id="${id}"><h3>${title}</h3>${body}</section>
`

export const notMeasured = (fault: Fault): Html =>
  html`<p class="missing"><strong>not measured:</strong> ${whyText(fault)}</p>
`

export type Column = { readonly head: string; readonly number?: true; readonly wide?: true }

/** Scrolls inside itself where the page is too narrow for it, with the keyboard too. */
export function table(
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly Piece[])[],
): Html {
  const head = columns.map((c) => html`<th scope="col" class="${classOf(c)}">${c.head}</th>`)
  const line = (cells: readonly Piece[]): Html =>
    html`<tr>${cells.map((cell, i) => {
      const kind = classOf(columns[i])
      return i === 0
        ? html`<th scope="row" class="${kind}">${cell}</th>`
        : html`<td class="${kind}">${cell}</td>`
    })}</tr>
`
  return html`<div class="scroll" role="region" tabindex="0" aria-label="${caption}"><table>
<caption>${caption}</caption>
<thead><tr>${head}</tr></thead>
<tbody>
${rows.map(line)}</tbody></table></div>
`
}

const classOf = (c: Column | undefined): string => (c?.number ? 'number' : c?.wide ? 'wide' : '')

/** Where a figure is not there: neither a zero nor a blank. */
export const none: Html = html`<span class="none" title="not measured">–</span>`

export const mark = (kind: 'good' | 'warn' | 'bad', text: string): Html =>
  html`<span class="mark ${kind}">${text}</span>`
