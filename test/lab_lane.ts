// Waiting for a lane of the lab to be what it should.

import { setTimeout as sleep } from 'node:timers/promises'
import { askAgentStatus } from '../src/lab/status.ts'

export async function waitForLane(node: string, peer: string, lane: 'fast' | 'plain'): Promise<void> {
  let found: string | undefined
  for (let tries = 0; tries < 200; tries++) {
    const status = await askAgentStatus(node)
    const now = status.ok ? status.value.peers.find((p) => p.name === peer)?.lane : undefined
    if (now?.lane === lane) return
    found = now ? `${now.lane}: ${now.why}` : 'none'
    await sleep(50)
  }
  throw new Error(`${node} to ${peer}: wanted ${lane}, found ${found}`)
}
