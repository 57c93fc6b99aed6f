// One line of status on the way from socket to socket.

import type { SocketsStatus } from '../apply/sockets_contract.ts'

export const SOCKETS_FEATURE = 'same-node sockets'

export function socketsText({ state, fault, pods, counts }: SocketsStatus): string {
  if (state === 'missing') return `no: ${fault?.object}: ${fault?.found}; ${fault?.next}`
  if (state === 'off') return 'off: no pod of this node has opted in'
  const told = counts.filter((c) => c.events > 0).map((c) => `${c.name} ${c.events}`)
  return [`on for ${pods} addresses`, ...told].join(', ')
}
