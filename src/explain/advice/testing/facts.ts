// Facts of synthetic nodes, told by what differs from an ordinary quiet one.

import type { CoreLoad, LoadFacts, LoadProfile, PathTraffic } from '../../../schema/load_facts.ts'

/** Of a core with so much softirq and other work. */
export const core = (cpu: number, softirq: number, user = 0.1, more: Partial<CoreLoad> = {}): CoreLoad => ({
  ...{ cpu, user, system: 0, softirq, steal: 0, idle: 1 - softirq - user, dropped: 0, squeezed: 0 },
  ...more,
})

export const traffic = (
  packets: number,
  more: Partial<PathTraffic> = {},
  bytesPerPacket = 120,
): readonly PathTraffic[] =>
  (['sent', 'received'] as const).map((direction) => ({
    ...{ path: 'vxlan', lane: 'plain', direction },
    ...{ packets: packets / 2, bytes: (packets / 2) * bytesPerPacket },
    ...more,
  }))

export const facts = (more: Partial<LoadFacts> = {}): LoadFacts => ({
  seconds: 10,
  cores: [core(0, 0.1), core(1, 0.1), core(2, 0.1), core(3, 0.1)],
  traffic: traffic(100_000),
  flows: { entries: 100, most: 131_072, waiting: 10, mostWaiting: 32_768 },
  conntrack: { entries: 100, most: 65_536, refused: 0 },
  ...{ connections: 5, bufferErrors: 0 },
  uplink: {
    ...{
      name: 'eth0',
      mtuBytes: 1500,
      driver: 'ice',
      receiveQueues: 4,
      steering: false,
      virtualFunctions: 8,
    },
    ...{ droppedReceiving: 0, droppedSending: 0 },
  },
  bypass: { rdmaDevices: [], hugePages: 0 },
  ...{ points: [], missing: [] },
  ...more,
})

export const FULL_CORES = [core(0, 0.4, 0.58), core(1, 0.4, 0.59), core(2, 0.4, 0.55), core(3, 0.4, 0.57)]
export const ONE_FULL_CORE = [core(0, 0.95, 0.03), core(1, 0.1, 0.2), core(2, 0.05), core(3, 0.05)]

/** Ten seconds of four busy cores: half of the time packets, a quarter of that for the tunnel. */
export const profile = (more: Partial<LoadProfile> = {}): LoadProfile => {
  const stage = (name: string, ns: number) => ({ stage: name, ns, lowNs: ns * 0.9, highNs: ns * 1.1 })
  return {
    packetNs: 20e9,
    cpu: { busyNs: 40e9 },
    stages: [
      stage('socket', 8e9),
      stage('netfilter', 4e9),
      stage('conntrack', 3e9),
      stage('encapsulation', 3e9),
      stage('decapsulation', 2e9),
    ],
    paths: [],
    ...more,
  }
}

export const pathCost = (
  path: 'direct' | 'vxlan',
  lane: 'fast' | 'plain',
  nsPerPacket: number,
  packets = 1e6,
): LoadProfile['paths'][number] => ({
  ...{ path, lane, packets, nsPerPacket, lowNs: nsPerPacket * 0.95, highNs: nsPerPacket * 1.05 },
})

/** Four askers of a round trip of 100 µs, and so many answers a second. */
export const loop = (requests: number): NonNullable<LoadFacts['loop']> => ({
  ...{ askers: 4, requests, roundTripNs: { value: 100_000, low: 90_000, high: 120_000 } },
})
