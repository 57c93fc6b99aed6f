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

/** With a thousand peers ten milliseconds of work, a hundred the first time: not while the agent starts and pods wait for it. */
const FIRST_LOOK_MS = 4_000
const LOOK_MS = 30_000

export function servePaths({ config, core, kernel, probing, costs }: PathsOptions) {
  const rates = new PathRates()
  const look = async () => {
    const lanes = (await kernel.call('fastLane')).peers
    return { lanes, rates: rates.look(lanes, steadyClock.nowMs()) }
  }
  const reportNow = async (): Promise<PathsReport> =>
    pathsReport({
      ...(await look()),
      pathMode: config.pathMode,
      peers: await kernel.call('peers'),
      uplinkMtuBytes: core.report?.uplink?.mtuBytes ?? 0,
      measures: probing.measures(),
      costs: costs(),
    })
  // A whole report: whoever asks first does not wait until code that never ran is compiled.
  const first = setTimeout(() => void reportNow(), FIRST_LOOK_MS)
  const timer = setInterval(() => void look(), LOOK_MS)
  return {
    report: async (): Promise<PathsReport> => {
      if (!rates.isReady(steadyClock.nowMs())) {
        await look()
        await steadyClock.sleep(LEAST_MS + 5)
      }
      return reportNow()
    },
    close: () => {
      clearTimeout(first)
      clearInterval(timer)
    },
  }
}
