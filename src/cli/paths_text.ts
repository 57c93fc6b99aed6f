// Paths for a person: a row each, what is wrong below, and what the next better path would need.

import type { PathReport, PathsReport, PeerPaths } from '../schema/paths_report.ts'
import { laneText } from './lane_text.ts'
import { pathText } from './status_text.ts'
import { paint, table } from './terminal.ts'

const HEAD = [
  'NODE',
  'PATH',
  'LANE',
  'MTU',
  'RTT P50',
  'P99',
  'LOSS',
  'REACH',
  'PACKETS/S',
  'NS/PACKET',
  'WHY',
]

export function pathsText({ peers }: PathsReport): string {
  if (peers.length === 0) return 'No other node is known.'
  const rows = peers.flatMap((p) => p.paths.map((path, i) => row(i === 0 ? p.peer : '', path)))
  return [table(HEAD, rows), faults(peers), better(peers)].filter((part) => part !== '').join('\n\n')
}

const row = (name: string, path: PathReport): readonly string[] => [
  name,
  path.inUse ? pathText(path.kind) : paint('dim', path.kind),
  path.lane === undefined ? '-' : laneText(path.lane),
  mtuText(path),
  timeText(path.rttUs?.p50),
  timeText(path.rttUs?.p99),
  lossText(path.loss),
  reachText(path.reach),
  path.inUse ? `${path.packetsPerSecond}` : '-',
  path.nsPerPacket === undefined ? '-' : `${Math.round(path.nsPerPacket)}`,
  path.why,
]

const mtuText = ({ mtuBytes, trueMtuBytes }: PathReport): string => {
  if (trueMtuBytes === undefined) return paint('dim', `${mtuBytes}?`)
  return trueMtuBytes < mtuBytes ? paint('red', `${trueMtuBytes} of ${mtuBytes}`) : `${mtuBytes}`
}

const timeText = (us: number | undefined): string => {
  if (us === undefined) return '-'
  return us < 1000 ? `${us < 100 ? us.toFixed(1) : Math.round(us)} µs` : `${(us / 1000).toFixed(1)} ms`
}

const lossText = (loss: number | undefined): string => {
  if (loss === undefined) return '-'
  const text = `${Math.round(loss * 1000) / 10} %`
  return loss >= 0.01 ? paint('red', text) : text
}

const reachText = (reach: PathReport['reach']): string =>
  reach === 'both' ? 'both ways' : reach === 'unknown' ? paint('dim', reach) : paint('red', reach)

function faults(peers: readonly PeerPaths[]): string {
  const lines = peers.flatMap((p) => [
    ...p.faults.map((text) => `${paint('red', '!')} ${p.peer}: ${text}`),
    ...(p.workaround === undefined ? [] : [`  ${paint('cyan', 'worked around:')} ${p.workaround}`]),
  ])
  return lines.length === 0 ? '' : `${paint('bold', 'Wrong')}\n${lines.join('\n')}`
}

/** Peers with the same need in one line: of a thousand nodes most have the same. */
function better(peers: readonly PeerPaths[]): string {
  const needs = peers.flatMap((p) =>
    p.paths.flatMap((path) =>
      path.better === undefined ? [] : [{ from: `${path.kind} to ${p.peer}`, need: path.better }],
    ),
  )
  const lines = [...Map.groupBy(needs, (n) => n.need)].map(([need, all]) => {
    const more = all.length > 3 ? ` and ${all.length - 3} more` : ''
    const from = all.slice(0, 3).map((n) => n.from)
    return `${from.join(', ')}${more}: ${need}`
  })
  return lines.length === 0 ? '' : `${paint('bold', 'What would be better needs')}\n${lines.join('\n')}`
}
