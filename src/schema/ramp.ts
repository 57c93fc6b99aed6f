// What `podlane bench ramp` measures and concludes: its --json, and what its parts hand each other.

import type { Advice } from './advice.ts'

/** 95 %, or from bound to bound. */
export type Between = { readonly value: number; readonly low: number; readonly high: number }

/** One load that was offered for a while, whatever came back. */
export type RampStep = {
  /** Requests a second on the schedule, and answered ones of them. */
  readonly offered: number
  readonly served: number
  /** From when the request should have left. */
  readonly p50Us: number
  readonly p99Us: number
  /** Of the path's cores, 0..1 each; busy is all, softirq is in it. */
  readonly cores: readonly { readonly cpu: number; readonly busy: number; readonly softirq: number }[]
  /** The generator could not keep its schedule: nothing is said of the path. */
  readonly generatorIsLimit: boolean
}

/** So many askers who each wait for their answer, what they got a second, and the median round trip. */
export type AskersPoint = { readonly askers: number; readonly rps: number; readonly p50Us: number }

export type AskersRamp = {
  readonly points: readonly AskersPoint[]
  /** Fewer cannot ask for as much as the host carries. */
  readonly fillsAt?: number
  /** The scalability law through them: per second of one alone, serial share, cost of each pair. */
  readonly law:
    | {
        readonly lambda: Between
        readonly sigma: Between
        readonly kappa: Between
        readonly peak?: { readonly n: Between; readonly x: Between }
        readonly ceiling?: Between
      }
    | { readonly refused: string }
}

export type LaneRamp = {
  readonly lane: 'fast' | 'plain'
  readonly steps: readonly RampStep[]
  /** Medians of looks at loads below three quarters of what was reached. */
  readonly low: readonly RampStep[]
  /** The largest offered load that was served; the generator was the limit: or above. */
  readonly reached: { readonly rps: number; readonly orAbove: boolean }
  /** From `low`. */
  readonly predicted: Between | { readonly refused: string }
  readonly nsPerRequest?: Between
  /** The same lane asked by a few who wait. */
  readonly askers?: AskersRamp
}

export type RampReport = {
  readonly from: string
  readonly to: string
  readonly path: string
  /** That the path has for itself; the generator has one of its own beside them. */
  readonly cores: number
  readonly lanes: readonly LaneRamp[]
  /** How many times the requests of the plain lane the fast one carries. */
  readonly gain?: {
    readonly reached: number
    readonly predicted?: Between
    /** Whether `reached` lies between the bounds or within 15 % of the prediction. */
    readonly held?: boolean
  }
  /** The first is the verdict. */
  readonly words: readonly string[]
  /** What `podlane advise` would say of the plain lane at its limit. */
  readonly advice?: Advice
}
