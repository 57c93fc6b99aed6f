// Round trips of the last probes of one path, and what became of the last few of a kind.

/** Enough for a 99th percentile that is not just the worst. */
const KEPT = 100
const LOST = 0

export class Samples {
  /** Nanoseconds, at most 4.29 s; BOUNDED by KEPT. */
  readonly #ring = new Uint32Array(KEPT)
  #next = 0
  #count = 0

  /** @param ns undefined: nothing came back */
  add(ns: number | undefined): void {
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
    return this.#kept().filter((ns) => ns === LOST).length / this.#count
  }

  /** Microseconds, with a tenth. */
  get rttUs(): { readonly p50: number; readonly p99: number } | undefined {
    const sorted = this.#kept()
      .filter((ns) => ns !== LOST)
      .sort()
    if (sorted.length === 0) return undefined
    const at = (share: number): number =>
      Math.round((sorted[Math.ceil(share * sorted.length) - 1] ?? 0) / 100) / 10
    return { p50: at(0.5), p99: at(0.99) }
  }

  #kept(): Uint32Array {
    return this.#ring.subarray(0, this.#count)
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
