// GET /paths: gathered when it is asked, but for the rate of packets, which needs an earlier look.

import { steadyClock } from '../base/clock.ts'
import type { Config } from '../schema/config.ts'
import type { PathsReport } from '../schema/paths_report.ts'
import type { Core } from './core.ts'
import type { KernelClient } from './kernel_client.ts'
import { LEAST_MS, PathRates } from './path_rates.ts'
import { type PacketCost, pathsReport } from './paths_report.ts'
import type { Probing } from './probing.ts'

export type PathsOptions = {
  readonly config: Config
  readonly core: Core
  readonly kernel: KernelClient
  readonly probing: Probing
  /** What a packet costs by kind of path and lane, where that is measured. */
  readonly costs: () => readonly PacketCost[]
}

/** Some milliseconds of work with a thousand peers. The first not while the agent starts: pods wait for it. */
const FIRST_LOOK_MS = 4_000
const LOOK_MS = 30_000

export function servePaths({ config, core, kernel, probing, costs }: PathsOptions) {
  const rates = new PathRates()
  const look = async () => {
    const lanes = await kernel.call('countedPaths')
    return { lanes, rates: rates.look(lanes, steadyClock.nowMs()) }
  }
  const first = setTimeout(() => void look(), FIRST_LOOK_MS)
  const timer = setInterval(() => void look(), LOOK_MS)
  return {
    report: async (): Promise<PathsReport> => {
      if (!rates.isReady(steadyClock.nowMs())) {
        await look()
        await steadyClock.sleep(LEAST_MS + 5)
      }
      // Both asked for at once: the one crosses the threads while the other is being read.
      const [peers, looked] = await Promise.all([kernel.call('plannedPaths'), look()])
      return pathsReport({
        ...looked,
        pathMode: config.pathMode,
        peers,
        uplinkMtuBytes: core.report?.uplink?.mtuBytes ?? 0,
        measures: probing.measures(),
        costs: costs(),
      })
    },
    close: () => {
      clearTimeout(first)
      clearInterval(timer)
    },
  }
}
