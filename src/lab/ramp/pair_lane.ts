// The lane between two nodes of the lab, both ways, switched at their agents as `podlane lane` does.

import { setTimeout as wait } from 'node:timers/promises'
import { fault, ok, type Result } from '../../base/result.ts'
import type { LaneWord } from '../../schema/lane_request.ts'
import { agentSocket } from '../paths.ts'
import { askSocket } from '../socket_client.ts'
import { askAgentStatus } from '../status.ts'
import type { Ends } from './ends.ts'

const PATIENCE_MS = 10_000
const LOOK_MS = 100

/** Resolves when both ends say that it is so. */
export async function setPairLane({ from, to }: Ends, lane: LaneWord): Promise<Result<void>> {
  for (const [node, peer] of [
    [from.node, to.node],
    [to.node, from.node],
  ] as const) {
    const put = await askSocket(agentSocket(node), 'PUT', '/lane', { lane, peer })
    if (!put.ok) return put
    if (lane === 'default') continue
    const is = await waitFor(node, peer, lane)
    if (!is.ok) return is
  }
  return ok(undefined)
}

async function waitFor(node: string, peer: string, lane: LaneWord): Promise<Result<void>> {
  let found = 'no answer'
  for (const untilMs = performance.now() + PATIENCE_MS; performance.now() < untilMs; await wait(LOOK_MS)) {
    const status = await askAgentStatus(node)
    if (!status.ok) continue
    const now = status.value.peers.find((p) => p.name === peer)?.lane
    if (now?.lane === lane) return ok(undefined)
    found = `${now?.lane ?? 'none'}, ${now?.why ?? 'no path'}`
  }
  return fault('bench', `lane of ${node} to ${peer}`, lane, found, 'see «podlane lane» there')
}
