// Packets of open conversations, sent on and on whatever becomes of the other end.

import type { Talk } from './talk.ts'

/** Every 5 ms one line over each; returns what ends it. */
export function keepSending(talks: readonly Talk[]): () => void {
  const line = Buffer.from('on\n')
  const timer = setInterval(() => {
    for (const talk of talks) talk.send(line)
  }, 5)
  return () => clearInterval(timer)
}
