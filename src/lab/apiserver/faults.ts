// Ways to make the server misbehave, for tests of clients: silence, broken watches, lost history, refusals.

import type { Failure } from './failures.ts'
import { createGate, type Gate } from './gate.ts'
import type { Store } from './store.ts'

export type Faults = {
  /** Connections stay open and nothing is answered, neither requests nor watches, until `resume`. */
  readonly stall: () => void
  /** Only watches fall silent: no events, no bookmarks. They get what they missed at `resume`. */
  readonly stallWatches: () => void
  readonly resume: () => void
  /** Ends every watch: as the real server does at its timeout, or (`reset`) as a broken network does. */
  readonly dropWatches: (how?: 'end' | 'reset') => void
  /** Forgets all events: resumed watches and continued lists get 410. */
  readonly expireHistory: () => void
  /** The next `times` requests get this failure. */
  readonly refuse: (failure: Failure, times: number) => void
}

export type FaultState = {
  readonly faults: Faults
  readonly requests: Gate
  readonly watches: Gate
  /** The failure that this request has to get. */
  readonly takeRefusal: () => Failure | undefined
}

export function createFaults(store: Store, dropWatches: (how: 'end' | 'reset') => void): FaultState {
  const requests = createGate()
  const watches = createGate()
  let refusal: Failure | undefined
  let times = 0
  return {
    requests,
    watches,
    takeRefusal: () => {
      if (times === 0) return undefined
      times--
      return refusal
    },
    faults: {
      stall: () => {
        requests.close()
        watches.close()
      },
      stallWatches: watches.close,
      resume: () => {
        requests.open()
        watches.open()
      },
      dropWatches: (how = 'end') => dropWatches(how),
      expireHistory: store.expireHistory,
      refuse: (failure, count) => {
        refusal = failure
        times = count
      },
    },
  }
}
