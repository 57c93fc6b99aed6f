// What is wrong with a node, in the agent's own words and with the cure beside it.

import type { NodeFacts } from './facts.ts'
import { type Html, html } from './html.ts'
import { mark, notMeasured } from './section.ts'

export function complaints({ status }: NodeFacts): Html {
  if (!status.ok) return notMeasured(status.error)
  const { ready, complaints: all, source } = status.value
  const notReady =
    ready.state === 'ready'
      ? ''
      : html`<li>${mark('bad', 'not ready')} ${ready.why ?? ''}<br><em>cure:</em> ${ready.next ?? ''}</li>`
  const lost =
    source.lostSinceMs === undefined
      ? ''
      : html`<li>${mark('warn', 'source lost')} since ${new Date(source.lostSinceMs).toISOString()}: ${source.message}</li>`
  if (all.length === 0 && notReady === '' && lost === '')
    return html`<p>${mark('good', 'nothing')} The agent has no complaint.</p>`
  const items = all.map(
    (c) =>
      html`<li>${mark('bad', c.object)} wanted ${c.wanted}, found ${c.found}<br><em>cure:</em> ${c.next}</li>`,
  )
  return html`<ul class="complaints">${notReady}${lost}${items}</ul>`
}
