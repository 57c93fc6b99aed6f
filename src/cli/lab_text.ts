// What a lab is, for a person: nodes with their paths to each other, and pods.

import { faultText } from '../base/result.ts'
import { isFault, type LabStatus, type NodeView } from '../lab/status.ts'
import type { AgentStatus } from '../schema/agent_status.ts'
import { laneText } from './lane_text.ts'
import { pathText } from './status_text.ts'
import { paint, table } from './terminal.ts'

export function labStatusText(status: LabStatus): string {
  const dead = status.processes.filter((p) => !p.runs)
  const options = status.lab?.options
  return [
    `Lab of ${options?.nodes} nodes, ${options?.families}, path ${options?.pathMode}, ${options?.lane} lane, since ${status.lab?.startedAt}\nKUBECONFIG=${status.kubeconfig}`,
    ...dead.map(
      (p) => `${paint('red', '!')} the process of ${p.name} (${p.pid}) has ended; run «podlane lab up» again`,
    ),
    nodesTable(status.nodes),
    podsTable(status.nodes),
    ...complaintsOf(status.nodes),
  ]
    .filter((part) => part !== '')
    .join('\n\n')
}

function nodesTable(nodes: readonly NodeView[]): string {
  const rows = nodes.map(({ name, node, agent }) => [
    name,
    isFault(node)
      ? paint('red', 'gone')
      : node.refusal === undefined
        ? paint('green', 'ready')
        : paint('red', 'not ready'),
    ...(isFault(agent) ? [faultText(agent)] : agentCells(agent)),
  ])
  return table(['NODE', 'STATE', 'UPLINK', 'POD MTU', 'RANGES', 'PATHS'], rows)
}

function agentCells(agent: AgentStatus): readonly string[] {
  return [
    agent.uplink ? `${agent.uplink.name} ${agent.uplink.mtuBytes}` : '-',
    `${agent.podMtuBytes}`,
    agent.ranges.map((r) => `${r.cidr} (${r.used} used)`).join(' '),
    agent.peers
      .map((p) => `${p.name} ${pathText(p.path)}${p.lane ? ` ${laneText(p.lane.lane)}` : ''} ${p.mtuBytes}`)
      .join(', '),
  ]
}

function podsTable(nodes: readonly NodeView[]): string {
  const rows = nodes.flatMap(({ name, node }) =>
    isFault(node)
      ? []
      : node.pods.map((p) => [
          `${p.namespace}/${p.name}`,
          name,
          p.hostNetwork ? `${p.addresses.join(' ')} (host network)` : p.addresses.join(' '),
          p.containers.map((c) => `${c.name} http ${c.http.join(',')}`).join('; '),
        ]),
  )
  return rows.length === 0 ? '' : table(['POD', 'NODE', 'ADDRESS', 'CONTAINERS'], rows)
}

const complaintsOf = (nodes: readonly NodeView[]): readonly string[] =>
  nodes.flatMap(({ name, node, agent }) => [
    ...(isFault(node) ? [`${paint('red', '!')} ${name}: ${faultText(node)}`] : []),
    ...(!isFault(node) && node.refusal !== undefined
      ? [`${paint('red', '!')} ${name}: ${node.refusal}`]
      : []),
    ...(isFault(agent)
      ? []
      : agent.complaints.map((c) => `${paint('red', '!')} ${name}: ${faultText({ kind: '', ...c })}`)),
  ])
