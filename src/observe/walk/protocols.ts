// IANA's numbers of the protocols that can be asked about; ICMP has one for each family.

import type { Packet } from '../../schema/walk.ts'

export const PROTOCOL_NUMBER: Readonly<Record<Packet['protocol'], Readonly<Record<4 | 6, number>>>> = {
  tcp: { 4: 6, 6: 6 },
  udp: { 4: 17, 6: 17 },
  icmp: { 4: 1, 6: 58 },
}
