// What a packet costs on each path, stage by stage: a stacked bar for each, all to one scale, and the same as a table,
// which needs no colour.

import { isKnown, type PathCost, type PathRow, type ProfileReport } from '../../schema/profile_report.ts'
import { STAGE_WORDS } from '../../schema/stages.ts'
import type { NodeFacts } from './facts.ts'
import { counted, countText, shareText, timeText } from './figures.ts'
import { type Html, html, type Piece } from './html.ts'
import { mark, none, notMeasured, table } from './section.ts'
import { barLegend, stackedBar } from './stacked_bar.ts'
import { inOrder, STAGE_COLOURS } from './stage_colours.ts'

export function stageCosts({ profile }: NodeFacts): Html {
  if (!profile.ok) return notMeasured(profile.error)
  const report = profile.value
  return html`${how(report)}
${bars(report)}
${stageTable(report)}
${pods(report)}
${others(report)}
`
}

function how({ seconds, samples, source, cpus, hz, packetNs, own, missing }: ProfileReport): Html {
  const words =
    source === 'samples'
      ? `${countText(samples)} samples in ${seconds.toFixed(1)} s, at ${hz} a second on each of ${counted(cpus, 'core')}`
      : `from counters over ${seconds.toFixed(1)} s, without samples`
  const lacks = missing.map((m) => html`<li>${mark('warn', 'missing')} ${m}</li>`)
  return html`<p>${words}: packets took ${timeText(packetNs)} of CPU time${source === 'samples' ? `; measuring took ${timeText(own.ns)} (${shareText(own.share)} of a core), and its interrupts, which are not counted` : ''}.</p>
${lacks.length === 0 ? '' : html`<ul>${lacks}</ul>`}`
}

function bars({ paths: rows }: ProfileReport): Html {
  if (rows.length === 0)
    return html`<p>No path carried packets of pods meanwhile: there is no cost to show.</p>`
  const paths = rows.filter(isKnown)
  if (paths.length === 0) return html`<p>What a packet costs is not known without samples.</p>`
  const most = Math.max(...paths.map((p) => p.nsPerPacket))
  const seen = new Set(paths.flatMap((p) => p.stages.map((s) => s.stage)))
  const legend = inOrder([...seen].map((stage) => ({ stage }))).map(({ stage }) => ({
    name: STAGE_WORDS[stage],
    colour: STAGE_COLOURS[stage],
  }))
  return html`<div class="bars">${paths.map((p) => bar(p, most))}</div>
${barLegend(legend)}`
}

function bar(path: PathCost, most: number): Html {
  const pieces = inOrder(path.stages).map(({ stage, nsPerPacket }) => ({
    name: stage,
    share: most === 0 ? 0 : nsPerPacket / most,
    colour: STAGE_COLOURS[stage],
    words: timeText(nsPerPacket),
  }))
  const cost = `${timeText(path.nsPerPacket)} (${timeText(path.lowNs)} to ${timeText(path.highNs)})`
  return html`<div class="bar"><div class="of"><strong>${pathName(path)}</strong> <span>${cost} a packet, ${countText(path.packets)} packets</span></div>
${stackedBar(`${pathName(path)}: ${cost} a packet, by stage`, pieces)}</div>
`
}

const PATH_WORDS = {
  here: 'same node',
  direct: 'direct',
  vxlan: 'vxlan',
  other: 'outside and Services',
} as const
const pathName = ({ path, lane }: PathRow): string => `${PATH_WORDS[path]}, ${lane} lane`

/** Without samples: our programs' own account, and all else together. */
const COUNTED = ['ebpf', 'other']

function stageTable({ source, paths, stages, packetNs }: ProfileReport): Html {
  if (stages.length === 0) return html``
  const isMeasured = (stage: string): boolean => source === 'samples' || COUNTED.includes(stage)
  const rows = inOrder(stages).map(({ stage, ns, lowNs, highNs, share }) => [
    STAGE_WORDS[stage],
    !isMeasured(stage) ? none : shareText(packetNs === 0 ? 0 : share),
    !isMeasured(stage)
      ? none
      : ns === 0
        ? '0 ns'
        : html`${timeText(ns)} <small>${timeText(lowNs)} to ${timeText(highNs)}</small>`,
    ...paths.map((p): Piece => {
      const here = p.stages.find((s) => s.stage === stage)
      return here ? timeText(here.nsPerPacket) : none
    }),
  ])
  const heads = paths.map((p) => ({ head: `${pathName(p)}, a packet`, number: true }) as const)
  const columns = [
    { head: 'Stage' },
    { head: 'Share', number: true },
    { head: 'CPU time', number: true },
    ...heads,
  ] as const
  return table('CPU time by stage, with bounds of 95 %', columns, rows)
}

function pods({ pods: all }: ProfileReport): Piece {
  if (all.length === 0) return undefined
  const rows = all
    .toSorted((a, b) => b.ns - a.ns)
    .slice(0, 20)
    .map((p) => [
      html`<bdi>${p.name === undefined ? p.addresses.join(' ') : `${p.namespace}/${p.name}`}</bdi>`,
      countText(p.packets),
      countText(p.bytes),
      timeText(p.ns),
      shareText(p.share),
    ])
  const columns = [
    { head: 'Pod' },
    { head: 'Packets', number: true },
    { head: 'Bytes', number: true },
    { head: 'CPU time', number: true },
    { head: 'Share', number: true },
  ] as const
  return table(`CPU time of packets by pod${all.length > 20 ? ', the first 20' : ''}`, columns, rows)
}

function others({ others: all }: ProfileReport): Piece {
  if (all.length === 0) return undefined
  const shown = all.slice(0, 8).map(({ symbol, ns }) => html`<li><code>${symbol}</code> ${timeText(ns)}</li>`)
  return html`<details><summary>What «other» is made of</summary><ul>${shown}</ul></details>`
}
