// `podlane status`: what the agent of this machine says of itself.

import { err } from '../base/result.ts'
import { askSocket } from '../lab/socket_client.ts'
import { parseAgentStatus } from '../schema/agent_status.ts'
import { agentStatusText } from './status_text.ts'
import { orPrint, print, printJson } from './terminal.ts'

export async function showStatus(socket: string, json: boolean): Promise<void> {
  const asked = await askSocket(socket, 'GET', '/status')
  const next = 'start «podlane agent», or name its socket with --socket'
  const answer = orPrint(asked.ok ? asked : err({ ...asked.error, next }))
  if (answer === undefined) return
  // As it came: a newer agent may say more than this command knows.
  if (json) {
    printJson(answer)
    return
  }
  const status = orPrint(parseAgentStatus(answer, socket))
  if (status) print(agentStatusText(status))
}
