// Asks an agent for all that a report shows of it, all at once. What it does not offer or refuses becomes the reason
// that stands in its place.

import { err, type Fault, fault, type Result } from '../../base/result.ts'
import { askSocket } from '../../lab/socket_client.ts'
import { parseAdvice } from '../../schema/advice.ts'
import { parseAgentStatus } from '../../schema/agent_status.ts'
import { parsePathsReport } from '../../schema/paths_report.ts'
import { parseProfileReport } from '../../schema/profile_report.ts'
import type { NodeFacts } from './facts.ts'

/** Beyond the interval, for an agent that is busy. */
const GRACE_MS = 20_000

/** @param seconds how long the agent looks where its packets' time goes */
export async function gatherNode(socket: string, seconds: number): Promise<NodeFacts> {
  const ask = async <T>(
    path: string,
    parse: (value: unknown, source: string) => Result<T>,
  ): Promise<Result<T>> => {
    const answer = await askSocket(socket, 'GET', path, undefined, seconds * 1000 + GRACE_MS)
    return answer.ok ? parse(answer.value, `${path} of ${socket}`) : err(inWords(answer.error, path))
  }
  const during = `?seconds=${seconds}`
  const [status, paths, profile, advice] = await Promise.all([
    ask('/status', parseAgentStatus),
    ask('/paths', parsePathsReport),
    ask(`/profile${during}`, parseProfileReport),
    ask(`/advice${during}`, parseAdvice),
  ])
  return { socket, status, paths, profile, advice }
}

/** As the agent answers when it is asked for what it does not know. */
const UNKNOWN = '{"error":"there are '

function inWords(refused: Fault, path: string): Fault {
  if (refused.kind !== 'no-answer') return refused
  if (refused.found.startsWith(UNKNOWN))
    return fault(
      'not-offered',
      path.replace(/\?.*/, ''),
      'an answer',
      'this agent does not offer it',
      'run an agent of this command’s version',
    ).error
  return { ...refused, next: 'start «podlane agent», or name its socket with --socket' }
}
