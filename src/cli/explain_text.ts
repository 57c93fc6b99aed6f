// A walk as a person reads it: who speaks to whom and what comes of it, then one line for each hop.

import { faultText } from '../base/result.ts'
import type { Explained } from '../lab/walk_client.ts'
import type { Hop, Walk, WalkAnswer } from '../schema/walk.ts'
import { paint } from './terminal.ts'

export function explainText({ near, far }: Explained): string {
  const lines = walkLines(near, near.now, far?.now)
  const { would } = near
  const other = would?.walk
  const title = `With ${would?.changed.join(', ')}`
  const changed = !would
    ? []
    : other
      ? ['', paint('bold', title), ...walkLines(near, other, other.wire ? far?.would?.walk : undefined)]
      : ['', `${title}: ${would.refused ? faultText(would.refused) : 'not known'}`]
  // What figures stand on is the same of both.
  const notes = [...new Set([...near.notes, ...(far?.notes ?? [])])]
  return [...lines, ...changed, ...(notes.length > 0 ? ['', ...notes.map((n) => paint('dim', n))] : [])].join(
    '\n',
  )
}

function walkLines(answer: WalkAnswer, near: Walk, far: Walk | undefined): string[] {
  // What was assumed of the other node it has told.
  const hops = [...(far ? near.hops.slice(0, -1) : near.hops), ...(far?.hops ?? [])]
  const nodes = new Set(hops.map((h) => h.node))
  return [
    `${answer.from} → ${answer.to}: ${verdictText(far ?? near)}`,
    paint('dim', summary(near, far)),
    ...hops.flatMap((h, i) => {
      const isFirst = hops[i - 1]?.node !== h.node
      const head = nodes.size > 1 && isFirst ? [` ${paint('dim', `on ${h.node}`)}`] : []
      return [...head, hopLine(h, i === hops.length - 1)]
    }),
  ]
}

const COLOURS = {
  delivered: 'green',
  sent: 'yellow',
  dropped: 'red',
  unreachable: 'red',
  'too-big': 'red',
} as const

function verdictText({ verdict, why }: Walk): string {
  const words = verdict === 'sent' ? 'leaves this node' : verdict === 'too-big' ? 'too large' : verdict
  return `${paint(COLOURS[verdict], words)}${why ? `: ${why}` : ''}`
}

function summary(near: Walk, far: Walk | undefined): string {
  const lanes =
    far && far.lane !== near.lane ? `${near.lane} lane, ${far.lane} at the other node` : `${near.lane} lane`
  const paths = { here: 'on this node', direct: 'direct path', vxlan: 'VXLAN', none: 'no path between nodes' }
  const largest = Math.min(
    near.largestBytes || Number.POSITIVE_INFINITY,
    far?.largestBytes || Number.POSITIVE_INFINITY,
  )
  const costs = [near.costNs, far?.costNs].flatMap((ns) => ns ?? [])
  return [
    lanes,
    paths[near.path],
    ...(Number.isFinite(largest) ? [`up to ${largest} bytes`] : []),
    ...(costs.length > 0
      ? [`${Math.round(costs.reduce((a, b) => a + b, 0))} ns a packet, as far as it is measured`]
      : []),
  ].join(', ')
}

function hopLine(h: Hop, isLast: boolean): string {
  const cost = h.costNs === undefined ? '' : paint('cyan', `  ${Math.round(h.costNs)} ns`)
  const why = h.why ? paint('dim', ` (${h.why})`) : ''
  const does =
    h.verdict === 'stops' ? paint('red', h.does) : h.verdict === 'assumed' ? paint('yellow', h.does) : h.does
  return `${h.differs ? paint('yellow', '*') : ' '}${isLast ? '└─' : '├─'} ${h.object}: ${does}${why}${cost}`
}
