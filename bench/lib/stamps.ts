// While any socket of the host wants stamps of arrival, as an agent's probes do, the kernel reads the clock for every
// packet that the host receives.

import { openUdpSocket } from '../../src/kernel/udp_socket.ts'

const PORT = 9475

/** @returns ends it */
export function stampPackets(): () => void {
  const socket = openUdpSocket('lo', 4, PORT)
  if (!socket.ok) throw new Error(`a socket that wants stamps: errno ${socket.error}`)
  return socket.value.close
}
