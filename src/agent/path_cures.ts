// What is done about sick paths by now: the last word of the hysteresis over everything that a prober has said.

import { type CureState, curesOf, noCures, observePaths, type PathCure } from '../plan/path_cures.ts'
import type { PathHealth } from '../plan/path_health.ts'
import { fullMtuBytes, type PathKind } from '../plan/peers.ts'
import type { AgentReport } from './kernel_protocol.ts'

export type PathCures = {
  readonly observe: (health: readonly PathHealth[], nowMs: number) => void
  readonly now: () => readonly PathCure[]
}

/**
 * @param report the last one: the uplink in it says what a well path carries
 * @param onChange called when something else is to be done than before
 */
export function createPathCures(report: () => AgentReport | undefined, onChange: () => void): PathCures {
  let state: CureState = noCures
  let cures: readonly PathCure[] = []
  const full = (kind: PathKind): number | undefined => {
    const { uplink, network } = report() ?? {}
    if (!uplink || network?.underlay === undefined) return undefined
    return fullMtuBytes(kind, uplink.mtuBytes, network.underlay)
  }
  return {
    now: () => cures,
    observe: (health, nowMs) => {
      state = observePaths(state, health, full, nowMs)
      const next = curesOf(state)
      if (JSON.stringify(next) === JSON.stringify(cures)) return
      cures = next
      onChange()
    },
  }
}
