// `podlane status`: what the agent of this machine says of itself.

import { parseAgentStatus } from '../schema/agent_status.ts'
import { askAgent, showAnswer } from './ask_agent.ts'
import { agentStatusText } from './status_text.ts'

export async function showStatus(socket: string, json: boolean): Promise<void> {
  const asked = await askAgent(socket, '/status')
  showAnswer(asked, { socket, json, parse: parseAgentStatus, text: agentStatusText })
}
