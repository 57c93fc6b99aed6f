// Podlane itself as the network under the runtimes: two nodes of the lab with the real agent, without pods of the
// lab's own.

import '../lab_name.ts'
import { must } from '../../src/base/result.ts'
import { takeDown } from '../../src/lab/down.ts'
import { enterNode } from '../../src/lab/enter.ts'
import { agentSocket } from '../../src/lab/paths.ts'
import { askSocket } from '../../src/lab/socket_client.ts'
import { type AgentStatus, parseAgentStatus } from '../../src/schema/agent_status.ts'
import { bringUp } from '../lab_runs.ts'
import type { RuntimeNode } from './cell.ts'
import type { PodNetworkUnderTest } from './network.ts'

async function agentStatus(node: string): Promise<AgentStatus> {
  const socket = agentSocket(node)
  return must(parseAgentStatus(must(await askSocket(socket, 'GET', '/status')), socket))
}

export async function openPodlaneNetwork(): Promise<PodNetworkUnderTest> {
  await bringUp({ nodes: 2, pods: 0 })
  const node = async (name: string): Promise<RuntimeNode> => {
    const status = await agentStatus(name)
    const address = status.uplink?.addresses[0]?.split('/')[0]
    if (address === undefined) throw new Error(`node ${name} has no uplink address`)
    return { name, address, enter: (argv) => [...must(enterNode(name, argv))] }
  }
  return {
    name: 'podlane',
    nodes: [await node('node1'), await node('node2')],
    honoursMac: true,
    // No portMappings or bandwidth of ours: the chain leaves them to Debian's plugins.
    plugins: () => [{ type: 'podlane' }],
    addresses: async ({ name }) => (await agentStatus(name)).pods.flatMap((p) => p.addresses),
    close: async () => {
      must(await takeDown())
    },
  }
}
