// How much of the time cpu-clock finds late: a tick that is due while interrupts are off is seen where they are allowed
// again, so a sample whose innermost function does just that stands for what went before it.

import { setTimeout as sleep } from 'node:timers/promises'
import { must } from '../src/base/result.ts'
import { functionNames } from '../src/kernel/kallsyms.ts'
import { classify } from '../src/observe/profile/classify.ts'
import { FunctionTable } from '../src/observe/profile/function_table.ts'
import { startSampler } from '../src/observe/profile/sampler.ts'
import { type Figure, single } from './lib/figures.ts'
import { option } from './lib/sandbox.ts'
import { type Kind, runTraffic } from './lib/traffic.ts'
import type { Candidate } from './paths_candidates.ts'

/** Of the innermost function: what is allowed again ends the time without interrupts that another one began. */
const BY_UNLOCKING = /^_raw_spin_unlock_irq|^finish_task_switch/
const BY_SOFTIRQ = /^handle_softirqs|^net_rx_action|^process_backlog|^__local_bh_enable_ip/
const LATE_MS = 4_000
const DRAIN_MS = 250

type Stack = { readonly addresses: readonly number[]; readonly samples: number }

export class LateSamples {
  readonly #table = new FunctionTable()

  async measure({ ends }: Candidate, kind: Kind): Promise<Figure[]> {
    const stacks = await stacksUnder(runTraffic(kind, ends, option('late', LATE_MS), [0, 0]))
    const all = [...new Set(stacks.flatMap((s) => s.addresses))]
    const names = must(await functionNames(all))
    const nameOf = new Map(all.map((address, i) => [address, names[i] ?? '']))
    let packets = 0
    let unlocking = 0
    let softirq = 0
    for (const { addresses, samples } of stacks) {
      const frames = addresses.map((a) => nameOf.get(a) ?? '')
      const verdict = classify((i) => this.#table.wordOf(frames[i] ?? ''), frames.length)
      if (verdict.kind !== 'packet') continue
      packets += samples
      if (BY_UNLOCKING.test(frames[0] ?? '')) unlocking += samples
      if (BY_SOFTIRQ.test(frames[0] ?? '')) softirq += samples
    }
    const share = (name: string, value: number): Figure => ({
      ...{ name, unit: 'of packets’ samples' },
      ...single(value / packets),
    })
    return [share('late.at-unlock', unlocking), share('late.at-softirq-begin', softirq)]
  }
}

async function stacksUnder(traffic: Promise<unknown>): Promise<Stack[]> {
  const sampler = must(startSampler(option('hz', 997)))
  const stacks: Stack[] = []
  let runs = true
  void traffic.finally(() => {
    runs = false
  })
  while (runs) {
    await sleep(DRAIN_MS)
    must(
      sampler.drain((addresses, frames, samples) =>
        stacks.push({ addresses: [...addresses.subarray(0, frames)], samples }),
      ),
    )
  }
  sampler.close()
  return stacks
}
