// A value that takes a while to read and must be of now: who asks during a read shares it, who asks soon after gets its
// value. So however many ask, there is one read at a time.

/**
 * Unlike `lastKnown` it never gives a value that is older than `forMs`.
 * @param read what it throws is everybody's who waits for it, and is not kept
 * @param nowMs of a clock that is never set back
 */
export function sharedReading<T>(
  forMs: number,
  read: () => Promise<T>,
  nowMs: () => number = () => performance.now(),
): () => Promise<T> {
  let last: { readonly value: T; readonly atMs: number } | undefined
  let reading: Promise<T> | undefined
  const renew = async (): Promise<T> => {
    try {
      const value = await read()
      last = { value, atMs: nowMs() }
      return value
    } finally {
      reading = undefined
    }
  }
  return async () => {
    if (last && nowMs() - last.atMs <= forMs) return last.value
    reading ??= renew()
    return reading
  }
}
