// The table of paths: those with faults first, then those that carry most; beyond a page full the rest is folded away.
// Where the agent has no probes, what its status knows of each path.

import type { AgentStatus } from '../../schema/agent_status.ts'
import type { PathReport, PathsReport, PeerPaths } from '../../schema/paths_report.ts'
import type { NodeFacts } from './facts.ts'
import { counted, countText, microsecondsText, shareText, timeText } from './figures.ts'
import { type Html, html, type Piece } from './html.ts'
import { type Column, mark, none, notMeasured, table } from './section.ts'

const SHOWN = 40

type Row = { readonly peer: PeerPaths; readonly path: PathReport }

export function pathsTable({ paths, status }: NodeFacts): Html {
  if (paths.ok) return probedTable(paths.value)
  const known = status.ok ? statusTable(status.value) : ''
  return html`${notMeasured(paths.error)}${known}`
}

const columns: readonly Column[] = [
  { head: 'Peer' },
  { head: 'Path' },
  { head: 'Lane' },
  { head: 'MTU', number: true },
  { head: 'RTT p50', number: true },
  { head: 'RTT p99', number: true },
  { head: 'Loss', number: true },
  { head: 'Packets/s', number: true },
  { head: 'CPU/packet', number: true },
  { head: 'State', wide: true },
  { head: 'The next better path needs', wide: true },
]

function probedTable({ peers }: PathsReport): Html {
  const rows = peers
    .flatMap((peer) => peer.paths.map((path): Row => ({ peer, path })))
    .toSorted(
      (a, b) =>
        Number(b.peer.faults.length > 0) - Number(a.peer.faults.length > 0) ||
        Number(b.path.inUse) - Number(a.path.inUse) ||
        b.path.packetsPerSecond - a.path.packetsPerSecond,
    )
  if (rows.length === 0) return html`<p>There is no path: no other node is known.</p>`
  const cells = rows.map(rowCells)
  const rest = cells.slice(SHOWN)
  return html`${table('Paths to each peer', columns, cells.slice(0, SHOWN))}${folded(rest, columns)}`
}

const folded = (rest: readonly (readonly Piece[])[], heads: readonly Column[]): Piece =>
  rest.length === 0
    ? undefined
    : html`<details><summary>${counted(rest.length, 'more path')}, with less traffic</summary>${table('The other paths', heads, rest)}</details>`

function rowCells({ peer, path }: Row): readonly Piece[] {
  const { rttUs, loss } = path
  return [
    html`<bdi>${peer.peer}</bdi> <small>${peer.address}</small>`,
    html`${path.kind}${path.inUse ? html` ${mark('good', 'in use')}` : ''}`,
    path.lane ?? none,
    mtuCell(path),
    rttUs === undefined ? none : microsecondsText(rttUs.p50),
    rttUs === undefined ? none : microsecondsText(rttUs.p99),
    loss === undefined ? none : loss === 0 ? '0 %' : mark(loss > 0.01 ? 'bad' : 'warn', shareText(loss)),
    countText(Math.round(path.packetsPerSecond)),
    path.nsPerPacket === undefined ? none : timeText(path.nsPerPacket),
    state(peer, path),
    path.better ?? '',
  ]
}

/** What is set, and what gets through where that is another. */
const mtuCell = ({ mtuBytes, trueMtuBytes }: PathReport): Piece =>
  trueMtuBytes === undefined || trueMtuBytes === mtuBytes
    ? mtuBytes
    : html`${mtuBytes} ${mark(trueMtuBytes < mtuBytes ? 'bad' : 'warn', `true ${trueMtuBytes}`)}`

function state(peer: PeerPaths, path: PathReport): Piece {
  const broken = [
    ...(path.checksum === 'broken' ? ['checksums broken'] : []),
    ...(path.large === 'broken' ? ['large segments lost'] : []),
    ...(path.reach === 'both' || path.reach === 'unknown' ? [] : [`reach: ${path.reach}`]),
  ].map((text) => html`${mark('bad', text)} `)
  const faults = path.inUse ? peer.faults.map((f) => html`${mark('bad', f)} `) : []
  const cure = path.inUse && peer.workaround !== undefined ? html`worked around: ${peer.workaround}. ` : ''
  return [broken, faults, cure, path.why]
}

const knownColumns: readonly Column[] = [
  { head: 'Peer' },
  { head: 'Path' },
  { head: 'Lane' },
  { head: 'MTU', number: true },
  { head: 'Packets sent', number: true },
  { head: 'received', number: true },
  { head: 'Why', wide: true },
]

function statusTable({ peers }: AgentStatus): Piece {
  if (peers.length === 0) return html`<p>No other node is known.</p>`
  const rows = peers.map(({ name, address, path, lane, mtuBytes, why }) => [
    html`<bdi>${name}</bdi> <small>${address}</small>`,
    path === 'none' ? mark('bad', 'none') : path,
    lane?.lane ?? none,
    mtuBytes,
    lane ? countText(lane.sent.fast.packets + lane.sent.plain.packets) : none,
    lane ? countText(lane.received.fast.packets + lane.received.plain.packets) : none,
    [why, lane && lane.why !== '' ? `; plain lane: ${lane.why}` : ''],
  ])
  const shown = rows.slice(0, SHOWN)
  return html`${table('Paths, as the status knows them', knownColumns, shown)}${folded(rows.slice(SHOWN), knownColumns)}`
}
