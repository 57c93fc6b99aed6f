// GET /advice?seconds=N: the load of the next N seconds, with a stage profile of the same seconds, and what follows.

import { adviceOf } from '../explain/advice/advice.ts'
import { type Known, measureLoad } from '../observe/load/load.ts'
import { type Advice, MOST_SECONDS } from '../schema/advice.ts'
import type { LoadFacts } from '../schema/load_facts.ts'
import { isKnown, type ProfileReport } from '../schema/profile_report.ts'
import { PathTotals } from './path_totals.ts'
import type { CountsView } from './status.ts'
import type { Answer } from './status_server.ts'

const USUAL_SECONDS = 10
const MOST_AT_ONCE = 4

/** What the agent's programs have counted so far. */
type Counted = CountsView & { readonly uplink: Known['uplink'] }

export class AdviceAnswers {
  readonly #counted: () => Promise<Counted>
  readonly #profile: (seconds: number) => Promise<ProfileReport>
  readonly #end = new AbortController()

  #asking = 0

  constructor(counted: () => Promise<Counted>, profile: (seconds: number) => Promise<ProfileReport>) {
    this.#counted = counted
    this.#profile = profile
  }

  async answer(query: URLSearchParams): Promise<Answer> {
    const seconds = Number(query.get('seconds') ?? USUAL_SECONDS)
    if (!(seconds > 0 && seconds <= MOST_SECONDS))
      return { code: 400, body: { error: `seconds: a number from above 0 to ${MOST_SECONDS}` } }
    if (this.#asking >= MOST_AT_ONCE)
      return { code: 429, body: { error: `${MOST_AT_ONCE} intervals are being measured: ask again later` } }
    this.#asking++
    try {
      return { code: 200, body: await this.#measure(seconds) }
    } finally {
      this.#asking--
    }
  }

  async #measure(seconds: number): Promise<Advice> {
    const totals = new PathTotals()
    const known = async (): Promise<Known> => knownOf(await this.#counted(), totals)
    const [load, stages] = await Promise.all([
      measureLoad(seconds, known, this.#end.signal),
      this.#profile(seconds),
    ])
    return adviceOf(withProfile(load, stages))
  }

  /** Whoever waits for an answer gets none. */
  close(): void {
    this.#end.abort()
  }
}

function knownOf(status: Counted, totals: PathTotals): Known {
  return {
    uplink: status.uplink,
    traffic: totals.look(status),
    flows: status.fastLane?.flows,
    podAddresses: new Set(status.pods.flatMap((p) => p.addresses)),
  }
}

/** Counters alone know some stages only, and shares of them would be too small. */
function withProfile(load: LoadFacts, { source, missing, ...profile }: ProfileReport): LoadFacts {
  const words = [...load.missing, ...missing]
  if (source !== 'samples')
    return {
      ...load,
      missing: [...words, 'what packets cost by stage is not known: no samples of this load'],
    }
  return { ...load, profile: { ...profile, paths: profile.paths.filter(isKnown) }, missing: words }
}
