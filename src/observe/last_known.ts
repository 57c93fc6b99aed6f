// A value that takes a while to read: whoever asks gets the last one at once, and one read at a time renews it.

import type { Clock } from '../base/clock.ts'

/**
 * The last value, renewed in the background when it is older than `forMs`. Only the very first call waits for a read.
 * @param read must end by itself; what it throws leaves the last value, and is the first caller's
 */
export function lastKnown<T>(
  forMs: number,
  read: () => Promise<T>,
  clock: Pick<Clock, 'nowMs'>,
): () => Promise<T> {
  let last: { readonly value: T } | undefined
  let triedAtMs = Number.NEGATIVE_INFINITY
  let reading: Promise<T> | undefined
  const renew = async (): Promise<T> => {
    try {
      const value = await read()
      last = { value }
      return value
    } finally {
      triedAtMs = clock.nowMs()
      reading = undefined
    }
  }
  return async () => {
    if (last && clock.nowMs() - triedAtMs <= forMs) return last.value
    reading ??= renew()
    if (!last) return reading
    reading.catch(() => {})
    return last.value
  }
}
