// Probing as a part of the agent: the prober is told of the peers after each look at the kernel.

import { steadyClock } from '../base/clock.ts'
import type { Fault } from '../base/result.ts'
import { type PathMeasures, Prober } from '../observe/probes/prober.ts'
import { spoiltTunnels } from '../plan/cured_path.ts'
import type { PathHealth } from '../plan/path_health.ts'
import type { Config } from '../schema/config.ts'
import type { Core } from './core.ts'
import type { KernelClient } from './kernel_client.ts'

export type Probing = {
  readonly measures: () => readonly PathMeasures[]
  readonly faults: () => readonly Fault[]
  readonly close: () => void
}

const CHECK_MS = 500
/** A thousand peers take some milliseconds to cross the threads, and ADDs make a look each second. */
const BETWEEN_MS_A_PEER = 5

export type ProbingOptions = {
  readonly config: Config
  readonly core: Core
  readonly kernel: KernelClient
  /** What was learnt lately, of the paths concerned. */
  readonly onNews?: (health: readonly PathHealth[]) => void
}

export function startProbing(options: ProbingOptions): Probing {
  const { probes } = options.config
  if (probes === 'off') return { measures: () => [], faults: () => [], close: () => {} }
  const spoilt = (): ReadonlySet<string> => spoiltTunnels(options.core.cures)
  const prober = new Prober(probes.port, steadyClock, spoilt)
  const follow = follower(prober, options)
  const timer = setInterval(() => {
    void follow()
    const news = prober.news()
    if (news.length > 0) options.onNews?.(news)
  }, CHECK_MS)
  return {
    measures: () => prober.measures(),
    faults: () => prober.faults,
    close: () => {
      clearInterval(timer)
      prober.close()
    },
  }
}

/** Tells the prober what the last look at the kernel has found; the peers not more often than they are worth. */
function follower(prober: Prober, { core, kernel }: ProbingOptions): () => Promise<void> {
  let seen: unknown
  let known: unknown
  let dueMs = 0
  return async () => {
    const { report } = core
    if (!report) return
    if (report !== seen) prober.refresh(report.uplink)
    seen = report
    if (report === known || steadyClock.nowMs() < dueMs) return
    known = report
    const peers = await kernel.call('peers')
    dueMs = steadyClock.nowMs() + BETWEEN_MS_A_PEER * peers.length
    prober.update(peers, report.uplink)
  }
}
