// How busy cores are under a load, with what batching saves. A request costs its work, and a wake-up besides if it finds
// the cores idle, which happens to the share of requests that the cores are idle for: the busier, the fewer wake-ups (one
// poll of the NIC, one return of epoll serve several). With capacity C, work w and wake-up u, in ns:
//   busy = idle + rate × (w + u × (1 − busy ÷ C)), hence busy = (idle + rate × (w + u)) × C ÷ (C + rate × u)

import { drawn, drawResiduals } from './bootstrap.ts'
import type { Random } from './random.ts'
import { fitRobust, residuals, type Terms } from './regression.ts'

/** `rate` per second, `busy` in ns per second. */
export type BusyPoint = { readonly rate: number; readonly busy: number }

export type BusyCurve = {
  /** ns per second without load. */
  readonly idle: number
  /** ns per request that waits for nothing but work. */
  readonly work: number
  /** ns per request that has to wake a core up; never negative. */
  readonly wakeUp: number
}
export type Fitted = {
  readonly curve: BusyCurve
  /** In ns per second, in the order of the points. */
  readonly left: readonly number[]
  /** The same curve over other draws of the residuals. */
  readonly draws: readonly BusyCurve[]
}

/** Coefficients that points determine. */
export const PARAMETERS = 3
/** A wake-up that is so many times the mean cost would be no batching but another model. */
const MOST_WAKE_UP = 3
/** Golden-section steps: the last one is a two-hundredth of the first. */
const STEPS = 11
const GOLDEN = (Math.sqrt(5) - 1) / 2
/** Of what a lonely request costs; work below it is an artefact of noise. */
const LEAST_WORK = 0.1

/** @param capacity ns per second that there are. Undefined where rates do not differ. */
export function fitBusyCurve(
  points: readonly BusyPoint[],
  capacity: number,
  random: Random,
): Fitted | undefined {
  const found = fitOnce(points, capacity)
  if (!found) return undefined
  const { curve, left } = found
  const onCurve = points.map(({ rate }) => busyAt(curve, rate, capacity))
  const draws = drawn(
    (by) => {
      const again = points.map(({ rate }, i) => ({ rate, busy: (onCurve[i] ?? 0) + (by[i] ?? 0) }))
      return fitOnce(again, capacity)?.curve
    },
    () => drawResiduals(left, PARAMETERS, random),
  )
  return { curve, left, draws }
}

export const busyAt = ({ idle, work, wakeUp }: BusyCurve, rate: number, capacity: number): number =>
  ((idle + rate * (work + wakeUp)) * capacity) / (capacity + rate * wakeUp)

/** The rate at which `share` of the capacity is busy. */
export const rateAt = ({ idle, work, wakeUp }: BusyCurve, share: number, capacity: number): number =>
  (share * capacity - idle) / (work + wakeUp * (1 - share))

type Once = { readonly curve: BusyCurve; readonly left: readonly number[]; readonly loss: number }

/** For each wake-up the rest is linear: a search over one number. */
function fitOnce(points: readonly BusyPoint[], capacity: number): Once | undefined {
  const straight = fitWith(0, points, capacity)
  if (!straight) return undefined
  let best = straight
  const lossAt = (wakeUp: number): number => {
    const tried = fitWith(wakeUp, points, capacity)
    if (tried && tried.loss < best.loss) best = tried
    return tried?.loss ?? Number.POSITIVE_INFINITY
  }
  let [low, high] = [0, MOST_WAKE_UP * Math.abs(straight.curve.work)]
  let [left, right] = [high - GOLDEN * high, GOLDEN * high]
  let [leftLoss, rightLoss] = [lossAt(left), lossAt(right)]
  for (let step = 0; step < STEPS; step++) {
    if (leftLoss < rightLoss) {
      ;[high, right, rightLoss] = [right, left, leftLoss]
      left = high - GOLDEN * (high - low)
      leftLoss = lossAt(left)
    } else {
      ;[low, left, leftLoss] = [left, right, rightLoss]
      right = low + GOLDEN * (high - low)
      rightLoss = lossAt(right)
    }
  }
  return best
}

function fitWith(wakeUp: number, points: readonly BusyPoint[], capacity: number): Once | undefined {
  const terms: readonly Terms[] = points.map(({ rate }) => {
    const batched = capacity / (capacity + rate * wakeUp)
    return [batched, batched * rate]
  })
  const values = points.map(({ busy }) => busy)
  const [idle, lonely] = fitRobust(terms, values) ?? []
  if (idle === undefined || lonely === undefined) return undefined
  const work = lonely - wakeUp
  if (wakeUp > 0 && work < LEAST_WORK * lonely) return undefined
  const left = residuals(terms, values, [idle, lonely])
  return { curve: { idle, work, wakeUp }, left, loss: left.reduce((sum, r) => sum + Math.abs(r), 0) }
}
