// The report as one file: nothing is fetched, no script runs, and the page forbids both to itself.

import { complaints } from './complaints.ts'
import { type NodeFacts, nodeName, type ReportFacts } from './facts.ts'
import { counted } from './figures.ts'
import { type Html, html, htmlText, trusted } from './html.ts'
import { pathsTable } from './paths_table.ts'
import { mark, section } from './section.ts'
import { stageCosts } from './stage_bars.ts'
import { STYLE } from './style.ts'
import { surgeSection } from './surge_section.ts'
import { topology } from './topology.ts'
import { verdict } from './verdict.ts'

/** PURE: the same facts give the same bytes. */
export function reportPage(facts: ReportFacts): string {
  const { nodes } = facts
  const title = `Podlane report: ${nodes.map(nodeName).join(', ')}`
  return htmlText(html`<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${trusted(STYLE)}</style></head>
<body>
<header><h1>Podlane report</h1>
<p>${counted(nodes.length, 'node')}, made <time datetime="${facts.madeAt}">${facts.madeAt}</time> on <bdi>${facts.hostName}</bdi>, Linux ${facts.kernel}, by podlane ${facts.version}</p>
${contents(nodes)}</header>
<main>
${nodes.map(nodePart)}
<article id="load"><h2>A rising load</h2>
${section('surge', 'What each path makes of it', surgeSection(facts.surge))}</article>
</main>
<footer>${made(facts)}</footer>
</body></html>
`)
}

const PARTS = [
  ['verdict', 'The verdict', verdict],
  ['topology', 'Where it stands', topology],
  ['paths', 'Paths', pathsTable],
  ['stages', 'Where the time goes', stageCosts],
  ['complaints', 'What is wrong', complaints],
] as const

function nodePart(node: NodeFacts, at: number): Html {
  const parts = PARTS.map(([id, title, of]) => section(`n${at}-${id}`, title, of(node)))
  return html`<article id="n${at}"><h2>Node <bdi>${nodeName(node)}</bdi> ${health(node)}</h2>
${parts}</article>
`
}

function health({ status }: NodeFacts): Html {
  if (!status.ok) return mark('bad', 'no answer')
  const { ready, complaints: all } = status.value
  if (ready.state !== 'ready') return mark('bad', 'not ready')
  return all.length === 0 ? mark('good', 'ready') : mark('warn', `ready, ${counted(all.length, 'complaint')}`)
}

function contents(nodes: readonly NodeFacts[]): Html {
  const links = nodes.map((node, at) => html`<li><a href="#n${at}"><bdi>${nodeName(node)}</bdi></a></li>`)
  return html`<nav aria-label="Contents"><ul>${links}<li><a href="#load">a rising load</a></li></ul></nav>`
}

function made({ nodes, madeAt, version }: ReportFacts): Html {
  const agents = nodes.map(({ socket, status }) => {
    const agent = status.ok
      ? `podlane ${status.value.version}, up since ${status.value.startedAt}`
      : 'no answer'
    return html`<li><code>${socket}</code>: ${agent}</li>`
  })
  return html`<p>Made ${madeAt} by <code>podlane report</code> ${version}, from what these agents answered:</p>
<ul>${agents}</ul>
<p>Figures are those of the moment; what they are and are not stands in docs/design/measuring.md. A dash means: not measured.</p>`
}
