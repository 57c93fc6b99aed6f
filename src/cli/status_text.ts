// An agent's status for a person: what it is, whether it works, its pods, ranges and peers, and what is wrong with
// the cure beside it.

import type { AgentStatus, PathKind } from '../schema/agent_status.ts'
import { fastLaneText } from './lane_text.ts'
import { paint, table } from './terminal.ts'

export function agentStatusText(status: AgentStatus): string {
  return [
    head(status),
    complaints(status),
    ranges(status),
    peers(status),
    status.fastLane ? section('Fast lane', fastLaneText(status.fastLane, status.peers)) : '',
    pods(status),
    drops(status),
    features(status),
  ]
    .filter((part) => part !== '')
    .join('\n\n')
}

const section = (title: string, text: string): string => `${paint('bold', title)}\n${text}`

function head(status: AgentStatus): string {
  const { source, uplink, ready } = status
  const isSynced = source.synced && source.lostSinceMs === undefined
  const rows = [
    ['node', `${status.nodeName}, podlane ${status.version}, up since ${status.startedAt}`],
    [
      'ready',
      ready.state === 'ready'
        ? paint('green', 'yes')
        : `${paint('red', 'no')}: ${ready.why ?? ''}; ${ready.next ?? ''}`,
    ],
    [
      'source',
      `${source.kind}, ${isSynced ? paint('green', 'in sync') : paint('yellow', 'not in sync')}${lost(source.lostSinceMs)}; ${source.message}`,
    ],
    [
      'uplink',
      uplink
        ? `${uplink.name}, MTU ${uplink.mtuBytes}, ${uplink.addresses.join(', ')}`
        : paint('red', 'none'),
    ],
    ['pod MTU', `${status.podMtuBytes}`],
    ...(status.podDevice === undefined ? [] : [['pods on', status.podDevice]]),
  ]
  return rows.map(([name = '', text]) => `${paint('dim', name.padEnd(8))}${text}`).join('\n')
}

const lost = (sinceMs: number | undefined): string =>
  sinceMs === undefined ? '' : ` since ${new Date(sinceMs).toISOString()}`

function complaints(status: AgentStatus): string {
  if (status.complaints.length === 0) return ''
  const text = status.complaints.map(
    (c) =>
      `${paint('red', '!')} ${c.object}: wanted ${c.wanted}, found ${c.found}\n  ${paint('cyan', 'cure:')} ${c.next}`,
  )
  return section('Wrong', text.join('\n'))
}

function ranges(status: AgentStatus): string {
  const rows = status.ranges.map((r) => [r.cidr, `${r.used}`, countText(r.free), `${r.coolingDown}`])
  return rows.length === 0 ? '' : section('Ranges', table(['RANGE', 'USED', 'FREE', 'COOLING'], rows))
}

/** Of the addresses of an IPv6 range nobody wants to see twenty digits. */
const countText = (n: number): string => (n < 1e9 ? `${n}` : `2^${Math.round(Math.log2(n))}`)

export const pathText = (path: PathKind): string =>
  paint(path === 'direct' ? 'green' : path === 'vxlan' ? 'yellow' : 'red', path)

function peers(status: AgentStatus): string {
  const rows = status.peers.map((p) => [
    p.name,
    p.address,
    p.podCidrs.join(' '),
    pathText(p.path),
    `${p.mtuBytes}`,
    p.why,
  ])
  if (rows.length === 0) return ''
  return section('Peers', table(['NODE', 'ADDRESS', 'PODS', 'PATH', 'MTU', 'WHY'], rows))
}

function pods(status: AgentStatus): string {
  const rows = status.pods.map((p) => [
    p.name === undefined ? p.containerId.slice(0, 12) : `${p.namespace}/${p.name}`,
    p.addresses.join(' '),
    `${p.ifName} / ${p.hostInterface}`,
    p.hostPorts.join(' '),
  ])
  return rows.length === 0 ? '' : section('Pods', table(['POD', 'ADDRESS', 'INTERFACE', 'HOSTPORTS'], rows))
}

function drops(status: AgentStatus): string {
  const rows = (status.drops ?? []).filter((d) => d.packets > 0).map((d) => [`${d.packets}`, d.why, d.name])
  return rows.length === 0 ? '' : section('Dropped', table(['PACKETS', 'WHY', 'COUNTER'], rows))
}

function features(status: AgentStatus): string {
  const all = Object.entries(status.features)
  if (all.length === 0) return ''
  return section('Kernel', all.map(([name, text]) => `${name}: ${text}`).join('\n'))
}
