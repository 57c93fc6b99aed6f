// Everything that `podlane lab status` knows: what the lab is, its nodes, and what their agents say.

import type { Fault, Result } from '../base/result.ts'
import { type AgentStatus, parseAgentStatus } from '../schema/agent_status.ts'
import { nodeNames } from './enter.ts'
import { askNodeStatus, type NodeStatus } from './node_status.ts'
import { agentSocket, kubeconfigFile } from './paths.ts'
import { isAlive } from './processes.ts'
import { type LabRecord, readProcesses, readRecord } from './record.ts'
import { askSocket } from './socket_client.ts'

export type LabStatus = {
  readonly lab: LabRecord | undefined
  readonly kubeconfig: string
  readonly processes: readonly { readonly name: string; readonly pid: number; readonly runs: boolean }[]
  readonly nodes: readonly NodeView[]
}

export type NodeView = {
  readonly name: string
  readonly node: NodeStatus | Fault
  readonly agent: AgentStatus | Fault
}

/** Asks every node and every agent at once; who does not answer is a fault in its place. */
export async function labStatus(): Promise<LabStatus> {
  const nodes = await Promise.all(
    nodeNames().map(async (name): Promise<NodeView> => {
      const [node, agent] = await Promise.all([askNodeStatus(name), askAgentStatus(name)])
      return { name, node: valueOrFault(node), agent: valueOrFault(agent) }
    }),
  )
  const processes = [...readProcesses()].map(([name, p]) => ({ name, pid: p.pid, runs: isAlive(p) }))
  return { lab: readRecord(), kubeconfig: kubeconfigFile, processes, nodes }
}

/** The agent of a node, over its own socket. */
export async function askAgentStatus(node: string): Promise<Result<AgentStatus>> {
  const answer = await askSocket(agentSocket(node), 'GET', '/status')
  return answer.ok ? parseAgentStatus(answer.value, `the agent of ${node}`) : answer
}

const valueOrFault = <T>(result: Result<T>): T | Fault => (result.ok ? result.value : result.error)

export const isFault = (value: object): value is Fault => 'wanted' in value && 'found' in value
