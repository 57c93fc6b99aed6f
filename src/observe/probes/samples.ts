// Round trips of the last probes of one path, and what became of the last few of a kind.

/** Enough for a 99th percentile that is not just the worst. */
const KEPT = 100
const LOST = 0
/** For sorting; of all, for a typed array costs much more to make than to fill, and a report asks of thousands of paths. */
const scratch = new Uint32Array(KEPT)

export class Samples {
  /** Nanoseconds, at most 4.29 s; BOUNDED by KEPT. */
  readonly #ring = new Uint32Array(KEPT)
  #next = 0
  #count = 0
  #lost = 0

  /** @param ns undefined: nothing came back */
  add(ns: number | undefined): void {
    if (this.#count === KEPT && this.#ring[this.#next] === LOST) this.#lost--
    if (ns === undefined) this.#lost++
    this.#ring[this.#next] = ns === undefined ? LOST : Math.max(1, Math.min(ns, 0xffffffff))
    this.#next = (this.#next + 1) % KEPT
    this.#count = Math.min(KEPT, this.#count + 1)
  }

  get count(): number {
    return this.#count
  }

  /** 0 to 1; undefined before the first. */
  get loss(): number | undefined {
    if (this.#count === 0) return undefined
    return this.#lost / this.#count
  }

  /** Microseconds, with a tenth. */
  get rttUs(): { readonly p50: number; readonly p99: number } | undefined {
    const came = this.#count - this.#lost
    if (came === 0) return undefined
    // Places that were never filled and those of lost probes are 0, and come first.
    scratch.set(this.#ring)
    scratch.sort()
    const at = (share: number): number =>
      Math.round((scratch[KEPT - came + Math.ceil(share * came) - 1] ?? 0) / 100) / 10
    return { p50: at(0.5), p99: at(0.99) }
  }
}

/** Good or bad of up to 16 last attempts. */
export class Recent {
  #bits = 0
  #count = 0

  add(isGood: boolean): void {
    this.#bits = ((this.#bits << 1) | (isGood ? 1 : 0)) & 0xffff
    this.#count = Math.min(16, this.#count + 1)
  }

  /** Of the last `n`, as far as there are so many. */
  last(n: number): { readonly tries: number; readonly good: number } {
    const tries = Math.min(n, this.#count)
    let good = 0
    for (let i = 0; i < tries; i++) good += (this.#bits >> i) & 1
    return { tries, good }
  }

  /** Asked of every path four times a second. */
  get isLastBad(): boolean {
    return this.#count > 0 && (this.#bits & 1) === 0
  }

  clear(): void {
    this.#count = 0
  }
}
