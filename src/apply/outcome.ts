// What one reconciler did: every change in words, every refusal as a fault. A second run over the same state changes
// nothing.

import type { Fault } from '../base/result.ts'
import type { Message } from '../kernel/netlink/message.ts'
import { answerFault, type NetlinkSocket } from '../kernel/netlink/socket.ts'

export type Outcome = { readonly changes: readonly string[]; readonly faults: readonly Fault[] }

export const nothing: Outcome = { changes: [], faults: [] }

export const merged = (outcomes: readonly Outcome[]): Outcome => ({
  changes: outcomes.flatMap((o) => o.changes),
  faults: outcomes.flatMap((o) => o.faults),
})

/**
 * Writes the messages in one go.
 * @param tolerated errno values that mean «already so», such as ESRCH for a removal
 */
export function write(
  socket: NetlinkSocket,
  verb: 'add' | 'change' | 'remove',
  messages: readonly Message[],
  tolerated: readonly number[] = [],
): Outcome {
  const changes: string[] = []
  const faults: Fault[] = []
  socket.batch(messages).forEach((answer, i) => {
    const message = messages[i]
    if (!message) return
    if (answer.ok) changes.push(`${verb} ${message.object}`)
    else if (!tolerated.includes(answer.errno)) faults.push(answerFault(message, answer))
  })
  return { changes, faults }
}
