// What a number of askers get who each wait for their answer: while they are few, waiting binds and not the host; the
// scalability law says whether more of them get more. Pure.

import { median } from '../../base/quantile.ts'
import { faultText } from '../../base/result.ts'
import type { AskersPoint, AskersRamp } from '../../schema/ramp.ts'
import { fitUsl } from '../capacity/usl.ts'

/**
 * @param points rising numbers of askers, one of them alone first
 * @param kneeRps what the host carries of an open load
 */
export function askersRamp(points: readonly AskersPoint[], kneeRps: number): AskersRamp {
  const fit = fitUsl(points.map(({ askers, rps }) => ({ n: askers, x: rps })))
  const [alone] = points
  return {
    points,
    // N askers ask no more than N times what one alone does (Little's law), so that fewer cannot fill the host.
    ...(alone && alone.rps > 0 && kneeRps > 0 ? { fillsAt: Math.ceil(kneeRps / alone.rps) } : {}),
    law: fit.ok ? fit.value : { refused: faultText(fit.error) },
  }
}

/** Of looks at one number of askers. */
export const medianAskers = (looks: readonly AskersPoint[]): readonly AskersPoint[] =>
  looks.slice(0, 1).map(({ askers }) => ({
    askers,
    rps: median(looks.map((l) => l.rps)),
    p50Us: median(looks.map((l) => l.p50Us)),
  }))

const count = (n: number): string => Math.round(n).toLocaleString('en')

export function askersWords(lane: string, { points, fillsAt, law }: AskersRamp): string {
  const [alone] = points
  const most = points.at(-1)
  if (!alone || !most || alone.rps === 0) return `${lane} lane: askers who wait got no answers`
  const got = `${lane} lane, asked by those who wait: 1 gets ${count(alone.rps)} answers a second (median ${count(alone.p50Us)} µs), ${most.askers} get ${count(most.rps)}`
  const waits =
    fillsAt !== undefined && fillsAt > 1 ? `; fewer than ${fillsAt} cannot fill the host: they wait` : ''
  return `${got}${waits}; ${lawWords(law)}`
}

function lawWords(law: AskersRamp['law']): string {
  if ('refused' in law) return `no scalability law: ${law.refused}`
  if (law.peak)
    return `most at ${count(law.peak.n.value)} askers, ${count(law.peak.x.value)}; more get less (κ ${law.kappa.value.toPrecision(2)})`
  if (!law.ceiling) return 'more askers get more, as far as was tried'
  const { value, low, high } = law.ceiling
  return `no number of them gets more than ${count(value)} (${count(low)} – ${count(high)})`
}
