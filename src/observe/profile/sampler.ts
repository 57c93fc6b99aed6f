// Takes samples of what the processors do: a clock on each that runs bpf/profile.bpf.c, and the stacks which that
// counts, taken out by `drain`. One rate at a time; another one keeps what was counted.

import { layouts } from '../../apply/fast_lane/abi.ts'
import { ok, type Result } from '../../base/result.ts'
import { takeEntries } from '../../kernel/bpf/batch.ts'
import { onlineCpus, sumPerCpu } from '../../kernel/bpf/cpus.ts'
import type { BpfMap } from '../../kernel/bpf/map.ts'
import { readObject } from '../../kernel/bpf/object.ts'
import { type LoadedObject, loadObject } from '../../kernel/bpf/program.ts'
import { kernelAddress } from '../../kernel/kallsyms.ts'
import { type PerfClock, startClock } from '../../kernel/perf_event.ts'

const CHUNK = 256
const { stack: STACK, profile_count: COUNT } = layouts
const FIRST_CPU = Buffer.alloc(4)

/** Innermost first, as `kernelAddress`; the array is used again for the next stack. */
export type StackSink = (addresses: Float64Array, frames: number, samples: number) => void
/** Since the drain before. */
export type Drained = {
  /** Of processor time: wall time times processors. */
  readonly ns: number
  /** What a sample stands for: the clock's period. */
  readonly sampleNs: number
  readonly samples: number
  readonly user: number
  readonly lost: number
  /** Time that the sampling program itself took; the interrupt round it is not in it. */
  readonly programNs: number
}
type Totals = Omit<Drained, 'ns' | 'sampleNs'>

export class Sampler {
  readonly #object: LoadedObject
  #clocks: readonly PerfClock[]
  #hz: number
  #drainedNs = process.hrtime.bigint()
  #totals: Totals = { samples: 0, user: 0, lost: 0, programNs: 0 }

  constructor(object: LoadedObject, clocks: readonly PerfClock[], hz: number) {
    this.#object = object
    this.#clocks = clocks
    this.#hz = hz
  }

  get hz(): number {
    return this.#hz
  }

  get cpus(): number {
    return this.#clocks.length
  }

  /** Samples of two rates stand for different times: drain first. After a fault the rate is as it was. */
  setRate(hz: number): Result<void> {
    const clocks = startClocks(this.#object, hz)
    if (!clocks.ok) return clocks
    for (const clock of this.#clocks) clock.close()
    this.#clocks = clocks.value
    this.#hz = hz
    return ok(undefined)
  }

  drain(see: StackSink): Result<Drained> {
    const addresses = new Float64Array(STACK.address.count)
    const taken = takeEntries(this.#object.map('stacks'), CHUNK, (_, value) => {
      const frames = value.readUInt32LE(STACK.frames.at) / STACK.address.size
      for (let i = 0, at: number = STACK.address.at; i < frames; i++, at += STACK.address.size)
        addresses[i] = kernelAddress(value.readUInt32LE(at), value.readUInt32LE(at + 4))
      see(addresses, frames, Number(value.readBigUInt64LE(STACK.samples.at)))
    })
    if (!taken.ok) return taken
    const nowNs = process.hrtime.bigint()
    const totals = totalsOf(this.#object.map('profile_counts'))
    const before = this.#totals
    const drained = {
      ns: Number(nowNs - this.#drainedNs) * this.cpus,
      sampleNs: 1e9 / this.#hz,
      samples: totals.samples - before.samples,
      user: totals.user - before.user,
      lost: totals.lost - before.lost,
      programNs: totals.programNs - before.programNs,
    }
    this.#drainedNs = nowNs
    this.#totals = totals
    return ok(drained)
  }

  close(): void {
    for (const clock of this.#clocks) clock.close()
    this.#object.close()
  }
}

function totalsOf(counts: BpfMap): Totals {
  const value = counts.lookup(FIRST_CPU)
  const sum = (field: 'samples' | 'user' | 'lost' | 'own_ns'): number =>
    value ? sumPerCpu(value, COUNT.size, COUNT[field].at) : 0
  return { samples: sum('samples'), user: sum('user'), lost: sum('lost'), programNs: sum('own_ns') }
}

/** @param hz samples a second of each processor */
export function startSampler(hz: number): Result<Sampler> {
  const object = readObject('profile')
  if (!object.ok) return object
  const loaded = loadObject(object.value)
  if (!loaded.ok) return loaded
  const clocks = startClocks(loaded.value, hz)
  if (clocks.ok) return ok(new Sampler(loaded.value, clocks.value, hz))
  loaded.value.close()
  return clocks
}

function startClocks(object: LoadedObject, hz: number): Result<readonly PerfClock[]> {
  const clocks: PerfClock[] = []
  for (const cpu of onlineCpus()) {
    const clock = startClock(cpu, hz, object.program('profile').fd)
    if (!clock.ok) {
      for (const started of clocks) started.close()
      return clock
    }
    clocks.push(clock.value)
  }
  return ok(clocks)
}
