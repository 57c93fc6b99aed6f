// `podlane lane` at the agent: a wish for a lane is refused if the peer is not known, else written and applied before
// the answer.

import { fault, type Result } from '../base/result.ts'
import type { LaneRequest } from '../schema/lane_request.ts'
import { nearestName } from '../schema/nearest.ts'
import type { Core } from './core.ts'

export async function switchLane(
  { lane, peer }: LaneRequest,
  core: Pick<Core, 'setLane'>,
  peers: readonly { readonly name: string }[],
): Promise<Result<void>> {
  if (peer !== undefined && !peers.some((p) => p.name === peer)) {
    const names = peers.map((p) => p.name)
    const nearest = nearestName(peer, names)
    const found = nearest === undefined ? 'no other node is known' : `the nearest is ${nearest}`
    return fault('bad-option', `peer ${peer}`, 'the name of another node', found, 'see «podlane status»')
  }
  return core.setLane(peer, lane === 'default' ? undefined : lane)
}
