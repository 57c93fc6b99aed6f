// The main thread's end of the kernel Worker: each call a promise. The Worker's death is the agent's: a restart finds
// everything in the kernel.

import { Worker } from 'node:worker_threads'
import type { Outcome } from '../apply/outcome.ts'
import type { Urgency } from '../apply/watch.ts'
import type { Config } from '../schema/config.ts'
import type { Call, KernelCalls, Said } from './kernel_protocol.ts'

export type KernelClient = {
  readonly call: <N extends keyof KernelCalls>(
    name: N,
    ...args: Parameters<KernelCalls[N]>
  ) => Promise<ReturnType<KernelCalls[N]>>
  readonly close: () => Promise<void>
}

export type KernelClientOptions = {
  readonly config: Config
  readonly onLook: (why: string, urgency: Urgency) => void
  /** A waiting pod has its programs, or they were refused: then it waits for the next look. */
  readonly onAttached: (outcome: Outcome) => void
  /** A program of the fast lane dropped a packet, and why. */
  readonly onDrop: (why: string) => void
  /** The Worker threw or ended: nothing can be trusted but the kernel itself. */
  readonly onDeath: (error: Error) => void
}

export function startKernel(options: KernelClientOptions): KernelClient {
  const worker = new Worker(workerFile(), {
    workerData: { config: options.config },
    resourceLimits: { maxOldGenerationSizeMb: 256 },
  })
  /** BOUNDED by the calls under way. */
  const waiting = new Map<number, (value: unknown) => void>()
  let next = 1
  let closing = false
  worker.on('message', (said: Said) => {
    if ('look' in said) return options.onLook(said.look, said.urgency)
    if ('dropped' in said) return options.onDrop(said.dropped)
    if ('attached' in said) return options.onAttached(said.attached)
    waiting.get(said.id)?.(said.value)
    waiting.delete(said.id)
  })
  worker.on('error', (error) => options.onDeath(error instanceof Error ? error : new Error(String(error))))
  worker.on('exit', (code) => {
    if (!closing) options.onDeath(new Error(`the kernel worker ended with code ${code}`))
  })
  return {
    call: (name, ...args) =>
      new Promise((resolve) => {
        const id = next++
        waiting.set(id, (value) => resolve(value as ReturnType<KernelCalls[typeof name]>))
        worker.postMessage({ id, name, args } satisfies Call)
      }),
    close: async () => {
      closing = true
      await worker.terminate()
    },
  }
}

/** Beside the bundle in production, a TypeScript file when run from source. */
function workerFile(): URL {
  return new URL(
    import.meta.url.endsWith('.ts') ? './kernel_worker.ts' : './kernel_worker.js',
    import.meta.url,
  )
}
