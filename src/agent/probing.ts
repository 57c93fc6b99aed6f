// Probing as a part of the agent: the prober is told of the peers after each look at the kernel.

import { systemClock } from '../base/clock.ts'
import type { Fault } from '../base/result.ts'
import { type PathMeasures, Prober } from '../observe/probes/prober.ts'
import type { Config } from '../schema/config.ts'
import type { Core } from './core.ts'
import type { KernelClient } from './kernel_client.ts'

export type Probing = {
  readonly measures: () => readonly PathMeasures[]
  readonly faults: () => readonly Fault[]
  readonly close: () => void
}

const CHECK_MS = 1_000
/** A thousand peers take some milliseconds to cross the threads, and ADDs make a look each second. */
const BETWEEN_MS = 5_000
/** How often what was found is handed on to be acted upon: a sick path counts as sick after the second time. */
const OBSERVE_MS = 500

export type ProbingOptions = { readonly config: Config; readonly core: Core; readonly kernel: KernelClient }

export function startProbing({ config, core, kernel }: ProbingOptions): Probing {
  if (config.probes === 'off') return { measures: () => [], faults: () => [], close: () => {} }
  const prober = new Prober(config.probes.port, systemClock)
  let known: unknown
  let cures: unknown
  let asked = 0
  let isClosed = false
  const check = async (): Promise<void> => {
    const { report } = core
    if (!report || report === known) return
    // A cure may wait for a tunnel that is to be looked at.
    const isUrgent = core.cures !== cures
    if (!isUrgent && systemClock.nowMs() - asked < BETWEEN_MS) return
    known = report
    cures = core.cures
    asked = systemClock.nowMs()
    const peers = await kernel.call('peers')
    if (!isClosed) prober.update(peers, report.uplink)
  }
  const timer = setInterval(() => void check(), CHECK_MS)
  const observing = setInterval(() => core.observe(prober.measures()), OBSERVE_MS)
  return {
    measures: () => prober.measures(),
    faults: () => prober.faults,
    close: () => {
      isClosed = true
      clearInterval(timer)
      clearInterval(observing)
      prober.close()
    },
  }
}
