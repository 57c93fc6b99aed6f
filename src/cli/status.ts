// `podlane status`: what the agent of this machine says of itself.

import { askSocket } from '../lab/node_status.ts'
import { parseAgentStatus } from '../schema/agent_status.ts'
import { agentStatusText } from './status_text.ts'
import { orPrint, print, printJson } from './terminal.ts'

export async function showStatus(socket: string, json: boolean): Promise<void> {
  const answer = orPrint(await askSocket(socket, 'GET', '/status'))
  if (answer === undefined) return
  // As it came: a newer agent may say more than this command knows.
  if (json) return printJson(answer)
  const status = orPrint(parseAgentStatus(answer, socket))
  if (status) print(agentStatusText(status))
}
