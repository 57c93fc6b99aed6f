// The universal scalability law: X(N) = λN ÷ (1 + σ(N − 1) + κN(N − 1)), what N workers (flows, cores, nodes) carry
// together. σ is the share that only one can do at a time, κ what each pair costs each other (N. Gunther, «Guerrilla
// Capacity Planning», 2007). Neither is negative: a fit that needs that has seen noise, or a cache that filled.

import { fault, ok, type Result } from '../../base/result.ts'
import { drawn, drawResiduals } from './bootstrap.ts'
import { type Estimate, fromDraws, width } from './estimate.ts'
import { seeded } from './random.ts'
import { fitRobust, residuals, type Terms } from './regression.ts'
import { residualSpread } from './residual_spread.ts'

/** `n` workers, and per second what they carried together. */
export type UslPoint = { readonly n: number; readonly x: number }

export type UslFit = {
  /** Of one worker alone. */
  readonly lambda: Estimate
  readonly sigma: Estimate
  readonly kappa: Estimate
  /** The most that any number of workers carries, and how many; only where κ is above 0 with certainty. */
  readonly peak?: { readonly n: Estimate; readonly x: Estimate }
  /** λ ÷ σ, which no number of workers exceeds; only where σ is above 0 with certainty. */
  readonly ceiling?: Estimate
  /** Relative spread of the residuals. */
  readonly residualShare: number
}
export type Usl = { readonly lambda: number; readonly sigma: number; readonly kappa: number }

const LEAST_POINTS = 6
const LEAST_RANGE = 4
const MOST_RESIDUAL = 0.1
const MOST_WIDTH = 0.4
const PARAMETERS = 3
const SEED = 1
/** Smaller is what rounding leaves of 0. */
const NOTHING = 1e-9

export const uslAt = ({ lambda, sigma, kappa }: Usl, n: number): number =>
  (lambda * n) / (1 + sigma * (n - 1) + kappa * n * (n - 1))

/** Refuses, as a Fault that says why, fewer than six numbers of workers, a narrow range, noise, and wide bounds. */
export function fitUsl(points: readonly UslPoint[]): Result<UslFit> {
  const usable = points.filter((p) => p.n > 0 && p.x > 0).sort((a, b) => a.n - b.n)
  const counts = new Set(usable.map((p) => p.n))
  if (counts.size < LEAST_POINTS)
    return weak(`${counts.size} numbers of workers`, `${LEAST_POINTS} or more that differ`)
  const [least, most] = [Math.min(...counts), Math.max(...counts)]
  if (most < least * LEAST_RANGE)
    return weak(`${least} to ${most} workers`, `a range of 1 to ${LEAST_RANGE} or more`)
  const fit = fitOnce(usable)
  if (!fit) return weak('no curve with σ and κ of 0 or more goes through the points', 'points that scale')
  const left = usable.map((p) => Math.log(p.x / uslAt(fit, p.n)))
  const residualShare = residualSpread(left, PARAMETERS)
  if (residualShare > MOST_RESIDUAL)
    return weak(`residuals of ${percent(residualShare)}`, `at most ${percent(MOST_RESIDUAL)}`)
  const random = seeded(SEED)
  const draws = drawn(
    (by) => fitOnce(usable.map(({ n }, i) => ({ n, x: uslAt(fit, n) * Math.exp(by[i] ?? 0) }))),
    () => drawResiduals(left, PARAMETERS, random),
  )
  const lambda = fromDraws(
    fit.lambda,
    draws.map((d) => d.lambda),
  )
  if (width(lambda) > MOST_WIDTH)
    return weak(
      `${Math.round(lambda.low)} to ${Math.round(lambda.high)}/s for one worker`,
      `bounds within ${percent(MOST_WIDTH)} of it`,
    )
  return ok({ ...estimatesOf(fit, draws), lambda, residualShare })
}

function estimatesOf(fit: Usl, draws: readonly Usl[]): Pick<UslFit, 'sigma' | 'kappa' | 'peak' | 'ceiling'> {
  const of = (f: (u: Usl) => number): Estimate => fromDraws(f(fit), draws.map(f))
  const sigma = of((u) => u.sigma)
  const kappa = of((u) => u.kappa)
  const peakN = (u: Usl): number => Math.max(1, Math.sqrt(Math.max(0, 1 - u.sigma) / u.kappa))
  return {
    sigma,
    kappa,
    ...(kappa.low > NOTHING ? { peak: { n: of(peakN), x: of((u) => uslAt(u, peakN(u))) } } : {}),
    ...(sigma.low > NOTHING ? { ceiling: of((u) => u.lambda / u.sigma) } : {}),
  }
}

/** Which of σ and κ may differ from 0: the best of those fits whose coefficients are none negative. */
const CHOICES = [
  [true, true],
  [true, false],
  [false, true],
  [false, false],
] as const

/**
 * N ÷ X is linear in 1/λ, σ/λ and κ/λ. Each point counts by X ÷ N, so that it is relative errors that are small.
 */
function fitOnce(points: readonly UslPoint[]): Usl | undefined {
  const ones = points.map(() => 1)
  const fits = CHOICES.flatMap(([hasSigma, hasKappa]) => {
    const terms = points.map(({ n, x }): Terms => {
      const all = [1, ...(hasSigma ? [n - 1] : []), ...(hasKappa ? [n * (n - 1)] : [])]
      return all.map((term) => (term * x) / n)
    })
    const found = fitRobust(terms, ones)
    if (!found || found.some((c) => c < 0) || !found[0]) return []
    const [one, next = 0, last = 0] = found
    const usl = {
      lambda: 1 / one,
      sigma: hasSigma ? next / one : 0,
      kappa: (hasSigma ? last : hasKappa ? next : 0) / one,
    }
    const loss = residuals(terms, ones, found).reduce((sum, r) => sum + Math.abs(r), 0)
    return [{ usl, loss }]
  })
  return fits.sort((a, b) => a.loss - b.loss)[0]?.usl
}

const percent = (share: number): string => `${Math.round(share * 100)} %`

const weak = (found: string, wanted: string) =>
  fault('weak-fit', 'scalability law', wanted, found, 'measure longer, with more numbers of workers')
