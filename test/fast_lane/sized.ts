// Datagrams of an exact size, with the kernel told what to do about the path's MTU.

import { randomBytes } from 'node:crypto'
import { familyOf, type Ip } from '../../src/base/ip.ts'
import type { Pod } from './cluster.ts'
import { Talk } from './talk.ts'

export const PORT = 7000
const LEVEL = { 4: 0, 6: 41 } as const
const MTU_DISCOVER = { 4: 10, 6: 23 } as const
const MTU = { 4: 14, 6: 24 } as const
const HEADERS = { 4: 28, 6: 48 } as const
/** IP_PMTUDISC_PROBE: DF, and no heed of what is known of the path. IP_PMTUDISC_DONT: no DF, fragments. */
const DISCOVER = { probe: 3, fragment: 0 } as const

export async function sized(from: Pod, to: Ip, how: keyof typeof DISCOVER): Promise<Talk> {
  const talk = await Talk.open({ from: from.ns, to, port: PORT, protocol: 'udp' })
  talk.option(LEVEL[talk.family], MTU_DISCOVER[talk.family], DISCOVER[how])
  return talk
}

/** What the socket takes the path's MTU for. */
export const knownMtuBytes = (talk: Talk): number => talk.number(LEVEL[talk.family], MTU[talk.family])

/** For a packet of so many bytes, IP and UDP headers included. */
export const payload = (packetBytes: number, to: Ip): Buffer => randomBytes(packetBytes - headersTo(to))
export const headersTo = (to: Ip): number => HEADERS[familyOf(to)]
