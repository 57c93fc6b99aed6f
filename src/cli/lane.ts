// `podlane lane`: which lane packets take to each peer and why, or another lane from now on.

import { err, type Fault, fault, ok, type Result } from '../base/result.ts'
import { askSocket } from '../lab/socket_client.ts'
import { type AgentStatus, parseAgentStatus } from '../schema/agent_status.ts'
import type { LaneWord } from '../schema/lane_request.ts'
import { nearestName } from '../schema/nearest.ts'
import { laneTable, laneWords } from './lane_text.ts'
import { orPrint, print, printJson } from './terminal.ts'

export type LaneOptions = { readonly socket: string; readonly peer?: string; readonly json?: true }

export async function lane(word: LaneWord | undefined, options: LaneOptions): Promise<void> {
  const { socket, peer, json } = options
  const asked =
    word === undefined
      ? await askSocket(socket, 'GET', '/status')
      : await askSocket(socket, 'PUT', '/lane', { lane: word, ...(peer === undefined ? {} : { peer }) })
  const status = asked.ok ? parseAgentStatus(asked.value, socket) : err(withNext(asked.error))
  const shown = orPrint(status.ok ? only(status.value, peer) : status)
  if (!shown) return
  if (json) printJson(jsonOf(shown))
  else print(laneText(shown))
}

const withNext = (f: Fault): Fault =>
  f.kind === 'no-answer' ? { ...f, next: 'start «podlane agent», or name its socket with --socket' } : f

function only(status: AgentStatus, peer: string | undefined): Result<AgentStatus> {
  if (peer === undefined) return ok(status)
  const peers = status.peers.filter((p) => p.name === peer)
  if (peers.length > 0) return ok({ ...status, peers })
  const names = status.peers.map((p) => p.name)
  const nearest = nearestName(peer, names)
  const found = nearest === undefined ? 'no other node is known' : `the nearest is ${nearest}`
  return fault('bad-option', `peer ${peer}`, 'the name of another node', found, 'see «podlane status»')
}

const jsonOf = ({ nodeName, fastLane, peers }: AgentStatus) => ({
  nodeName,
  fastLane,
  peers: peers.map(({ name, path, lane }) => ({ name, path, lane })),
})

function laneText({ fastLane, peers }: AgentStatus): string {
  if (!fastLane) return 'This agent has no fast lane.'
  return `${laneWords(fastLane)}\n\n${laneTable(fastLane, peers)}`
}
