// Where the path's cores spend a step, by the profile's own samples (src/observe/profile/): those of these cores alone,
// because the generator beside them asks its sockets all the time.

import { must } from '../src/base/result.ts'
import { readObject } from '../src/kernel/bpf/object.ts'
import { loadObject } from '../src/kernel/bpf/program.ts'
import { startClock } from '../src/kernel/perf_event.ts'
import { classify } from '../src/observe/profile/classify.ts'
import { FunctionTable } from '../src/observe/profile/function_table.ts'
import { Sampler } from '../src/observe/profile/sampler.ts'
import { readSymbolWords, type SymbolWords } from '../src/observe/profile/symbol_words.ts'

/** Of each core. A sample takes some 4 µs: two thousandths of it. */
const HZ = 499
/** Code in user mode, which is the server's where the machine has no other work, and the kernel for other purposes than packets: system calls, the scheduler, wake-ups. */
export const SERVER = 'server'
export const KERNEL = 'kernel'

/** Samples by stage (src/schema/stages.ts), and of `server` and `kernel`; without idle ones. */
export type StageSamples = ReadonlyMap<string, number>

export class StageSampler {
  readonly #sampler: Sampler
  readonly #words: SymbolWords

  constructor(sampler: Sampler, words: SymbolWords) {
    this.#sampler = sampler
    this.#words = words
  }

  /** What was sampled since the last call. */
  take(): StageSamples {
    const samples = new Map<string, number>()
    const add = (name: string, count: number): void => {
      if (count > 0) samples.set(name, (samples.get(name) ?? 0) + count)
    }
    const drained = must(
      this.#sampler.drain((addresses, frames, count) => {
        const verdict = classify((i) => this.#words.wordAt(addresses[i] ?? 0), frames)
        if (verdict.kind !== 'idle') add(verdict.kind === 'packet' ? verdict.stage : KERNEL, count)
      }),
    )
    add(SERVER, drained.user)
    return samples
  }

  close(): void {
    this.#sampler.close()
  }
}

/** @returns undefined, with the reason on the terminal, where the machine takes no samples */
export async function startStages(cpus: readonly number[]): Promise<StageSampler | undefined> {
  const object = readObject('profile')
  const loaded = object.ok ? loadObject(object.value) : object
  if (!loaded.ok) return refused(loaded.error.wanted, loaded.error.found)
  const clocks = cpus.map((cpu) => startClock(cpu, HZ, loaded.value.program('profile').fd))
  const running = clocks.flatMap((clock) => (clock.ok ? [clock.value] : []))
  const words = await readSymbolWords(new FunctionTable())
  const failed = clocks.find((clock) => !clock.ok) ?? words
  if (words.ok && failed.ok) return new StageSampler(new Sampler(loaded.value, running, HZ), words.value)
  for (const clock of running) clock.close()
  loaded.value.close()
  return failed.ok ? undefined : refused(failed.error.wanted, failed.error.found)
}

function refused(wanted: string, found: string): undefined {
  console.error(`no stages, only softirq, kernel and user by the tick: wanted ${wanted}, found ${found}`)
  return undefined
}
