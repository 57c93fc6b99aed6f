// What binds this node, how far it could go, and what each remedy would give, with the figures that it rests on.

import type { NodeFacts } from './facts.ts'
import { type Html, html } from './html.ts'
import { notMeasured } from './section.ts'

export function verdict({ advice }: NodeFacts): Html {
  if (!advice.ok) return notMeasured(advice.error)
  return html`<p>${advice.value.summary}</p>`
}
