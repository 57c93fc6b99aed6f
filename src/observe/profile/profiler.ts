// The profile as it runs: samples at a low rate all the time, at a higher one while somebody asks, tallied by stage.
// What the kernel's functions are is read when the first samples are looked at, and again when there are new ones.

import { type Fault, fault, ok, type Result } from '../../base/result.ts'
import { nextProgramId, programIds } from '../../kernel/bpf/program_ids.ts'
import { classify } from './classify.ts'
import { FunctionTable } from './function_table.ts'
import { type Sampler, startSampler } from './sampler.ts'
import { readSymbolWords, type SymbolWords } from './symbol_words.ts'
import { Batch, copyOf, emptyTally, type Tally } from './tally.ts'

/** Modules come without a sign. */
const SYMBOLS_MS = 600_000
/** Programs have ids, but where many come and go the functions are not read for each. */
const NEW_PROGRAMS_MS = 60_000

export class Profiler {
  /** 0: only while somebody asks. */
  readonly #continuousHz: number
  readonly #tally = emptyTally()
  #sampler: Sampler | undefined
  #words: SymbolWords | undefined
  #wordsAtMs = 0
  #reading: Promise<void> | undefined
  /** Somebody asks: it should be as it is now. */
  #isOld = false
  #lastProgramId = 0
  /** Rates that are asked for above the continuous one. */
  readonly #raised: number[] = []
  /** Of when it was tried last; none while a sampler runs. */
  #fault: Fault | undefined
  #isClosed = false

  /** @param hz samples a second of each processor, all the time; 0 for none */
  constructor(hz: number) {
    this.#continuousHz = hz
    this.#setRate()
  }

  /** Why there are no samples. */
  get fault(): Fault | undefined {
    return this.#fault
  }

  get hz(): number {
    return this.#sampler?.hz ?? 0
  }

  /** All that was sampled until now. */
  async look(): Promise<Tally> {
    await this.#drain()
    return copyOf(this.#tally)
  }

  /** Samples at `hz` from now on if that is more, until the function that it returns is called. */
  async raise(hz: number): Promise<Result<() => Promise<void>>> {
    this.#isOld = true
    await this.#drain()
    let isRaised = false
    this.#raised.push(hz)
    try {
      const set = this.#setRate()
      isRaised = set.ok
      return set.ok ? ok(() => this.#endRaise(hz)) : set
    } finally {
      if (!isRaised) this.#forget(hz)
    }
  }

  /** Nothing is sampled again. */
  close(): void {
    this.#isClosed = true
    this.#stop()
  }

  async #endRaise(hz: number): Promise<void> {
    try {
      await this.#drain()
    } finally {
      this.#forget(hz)
      // Better anew than at a rate that nobody asks for.
      if (!this.#setRate().ok) {
        this.#stop()
        this.#setRate()
      }
    }
  }

  #forget(hz: number): void {
    this.#raised.splice(this.#raised.indexOf(hz), 1)
  }

  #stop(): void {
    this.#sampler?.close()
    this.#sampler = undefined
  }

  /** After a fault a sampler that runs goes on at its rate. */
  #setRate(): Result<void> {
    if (this.#isClosed) return fault('closed', 'the profile', 'samples', 'the agent ends', 'ask the next one')
    const hz = Math.max(this.#continuousHz, ...this.#raised)
    if (hz === 0) {
      this.#stop()
      return ok(undefined)
    }
    if (this.#sampler?.hz === hz) return ok(undefined)
    if (this.#sampler) return this.#sampler.setRate(hz)
    const started = startSampler(hz)
    if (started.ok) this.#sampler = started.value
    this.#fault = started.ok ? undefined : started.error
    return started.ok ? ok(undefined) : started
  }

  async #drain(): Promise<void> {
    if (!this.#sampler) return
    const known = await this.#knowFunctions()
    const sampler = this.#sampler
    if (!known || !sampler) return
    const fromNs = process.hrtime.bigint()
    const batch = new Batch()
    const drained = sampler.drain((addresses, frames, samples) => {
      const verdict = classify((i) => known.wordAt(addresses[i] ?? 0), frames)
      const unknown = verdict.kind === 'packet' ? (addresses[verdict.unknownFrame] ?? 0) : 0
      batch.add(verdict, samples, known.functionAt(unknown))
    })
    const readNs = Number(process.hrtime.bigint() - fromNs)
    if (drained.ok) batch.addTo(this.#tally, drained.value, readNs)
    else this.#fail(drained.error)
  }

  async #knowFunctions(): Promise<SymbolWords | undefined> {
    if (this.#words && !this.#areFunctionsOld(performance.now())) return this.#words
    // Whoever comes meanwhile waits for the same reading.
    this.#reading ??= this.#readFunctions().finally(() => {
      this.#reading = undefined
    })
    await this.#reading
    return this.#words
  }

  async #readFunctions(): Promise<void> {
    this.#isOld = false
    this.#wordsAtMs = performance.now()
    for (const id of programIds(this.#lastProgramId)) this.#lastProgramId = id
    const usage = process.cpuUsage()
    const words = await readSymbolWords(new FunctionTable())
    // Reading goes in pieces: what others did in between is in it, rarely much.
    const { user, system } = process.cpuUsage(usage)
    this.#tally.readNs += (user + system) * 1000
    if (words.ok) this.#words = words.value
    else this.#fail(words.error)
  }

  #areFunctionsOld(nowMs: number): boolean {
    const ageMs = nowMs - this.#wordsAtMs
    if (ageMs > SYMBOLS_MS) return true
    if (!this.#isOld && ageMs < NEW_PROGRAMS_MS) return false
    return nextProgramId(this.#lastProgramId) !== undefined
  }

  #fail(why: Fault): void {
    this.#fault = why
    this.#stop()
  }
}
