// When to look again: soon after an input changed, a little later after the kernel did, again after a refusal. One
// run at a time; whatever comes meanwhile makes one more.

import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { AgentReport } from './kernel_protocol.ts'

export type ReconcilerOptions = {
  readonly run: () => Promise<AgentReport>
  readonly onReport: (report: AgentReport) => void | Promise<void>
  readonly clock: Clock
  readonly log: Log
}

export type Reconciler = {
  /** Asks for a run within `delayMs`; an earlier request wins. */
  readonly request: (why: string, delayMs: number) => void
  /** A run that began after this call is over. */
  readonly settled: () => Promise<void>
  readonly close: () => void
}

/** Changes told one by one: the first sync of a large cluster makes thousands. */
const MOST_TOLD = 20
const RETRY_FIRST_MS = 1_000
const RETRY_LAST_MS = 30_000

export function createReconciler({ run, onReport, clock, log }: ReconcilerOptions): Reconciler {
  let timer: NodeJS.Timeout | undefined
  let dueMs = Number.POSITIVE_INFINITY
  let running = false
  let retryMs = RETRY_FIRST_MS
  let closed = false
  let waiting: (() => void)[] = []

  const request = (why: string, delayMs: number): void => {
    const at = clock.nowMs() + delayMs
    if (closed || at >= dueMs) return
    log.debug({ why, delayMs }, 'looking again')
    dueMs = at
    clearTimeout(timer)
    if (!running) timer = setTimeout(begin, delayMs)
  }
  const begin = (): void => {
    dueMs = Number.POSITIVE_INFINITY
    running = true
    const served = waiting
    waiting = []
    void once().then(() => {
      running = false
      for (const wake of served) wake()
      if (!closed && dueMs < Number.POSITIVE_INFINITY)
        timer = setTimeout(begin, Math.max(0, dueMs - clock.nowMs()))
    })
  }
  const once = async (): Promise<void> => {
    const report = await run()
    for (const change of report.changes.slice(0, MOST_TOLD)) log.info({ change }, 'kernel changed')
    const untold = report.changes.length - MOST_TOLD
    if (untold > 0) log.info({ untold }, 'kernel changed in many more places')
    await onReport(report)
    if (report.faults.length === 0) {
      retryMs = RETRY_FIRST_MS
      return
    }
    // What was refused stays dirty.
    request('refused', retryMs)
    retryMs = Math.min(RETRY_LAST_MS, retryMs * 2)
  }
  return {
    request,
    settled: () =>
      new Promise((resolve) => {
        waiting.push(resolve)
        request('somebody waits', 0)
      }),
    close: () => {
      closed = true
      clearTimeout(timer)
    },
  }
}
