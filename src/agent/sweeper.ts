// When links whose DEL has answered are removed: gathered for a moment, since the kernel waits once for all of them,
// and again for as long as some are left.

import type { KernelClient } from './kernel_client.ts'
import type { LiveNetwork } from './network.ts'

export type Sweeper = { readonly schedule: () => void; readonly close: () => void }

const GATHER_MS = 60
const RETRY_MS = 1_000

export function createSweeper(kernel: Pick<KernelClient, 'call'>, live: LiveNetwork): Sweeper {
  let timer: NodeJS.Timeout | undefined
  let closed = false
  const after = (delayMs: number): void => {
    if (!closed) timer ??= setTimeout(() => void sweep(), delayMs)
  }
  const sweep = async (): Promise<void> => {
    const gone = await kernel.call('sweep', live.leaving)
    timer = undefined
    const before = live.leaving.length
    live.gone(gone)
    if (live.leaving.length > 0) after(live.leaving.length < before ? GATHER_MS : RETRY_MS)
  }
  return {
    schedule: () => after(GATHER_MS),
    close: () => {
      closed = true
      clearTimeout(timer)
    },
  }
}
