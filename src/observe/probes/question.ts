// The questions of one turn as bytes: one, a train in one packet, or the sizes of a search's round.

import type { Family } from '../../base/ip.ts'
import { udpHeaderBytes } from '../../kernel/udp_socket.ts'
import { LARGEST, type Probe, SMALLEST, writeProbe } from './packet.ts'

/** Segments of a train: enough to be more than one packet, few enough for any limit of the kernel. */
export const TRAIN_CARS = 3

/** What the payloads are filled with; a question is written over its beginning. Used by one send at a time. */
const space = Buffer.alloc(LARGEST)
const FILLING = Buffer.from(Array.from({ length: 251 }, (_, i) => (i * 89 + 7) & 0xff))
space.fill(FILLING)

export type Written = {
  readonly bytes: Buffer
  readonly nonces: readonly number[]
  readonly payloadBytes: number
}

export const smallBytes = (family: Family): number => SMALLEST + udpHeaderBytes(family)

/** @param packetBytes of the IP packet; more than one car makes a train of such packets */
export function writeQuestions(
  family: Family,
  packetBytes: number,
  cars: number,
  nonce: () => number,
  head: Omit<Probe, 'nonce' | 'sizeBytes'>,
): Written {
  const payloadBytes = Math.max(SMALLEST, packetBytes - udpHeaderBytes(family))
  const most = Math.min(cars, Math.floor(LARGEST / payloadBytes))
  const nonces: number[] = []
  for (let i = 0; i < most; i++) {
    const one = nonce()
    const car = space.subarray(i * payloadBytes, (i + 1) * payloadBytes)
    // An earlier head may stand where this one's filling should.
    writeProbe(car, { ...head, nonce: one, sizeBytes: payloadBytes })
    nonces.push(one)
  }
  return { bytes: space.subarray(0, most * payloadBytes), nonces, payloadBytes }
}
