// A profile of five kinds of paths, made up to look at.

import type { PathCost, ProfileReport } from '../../../schema/profile_report.ts'
import type { Stage } from '../../../schema/stages.ts'

const COSTS = {
  'here fast': { veth: 260, ebpf: 310, socket: 420, copy: 190, softirq: 110, other: 60 },
  'direct fast': {
    driver: 240,
    gro: 90,
    ebpf: 420,
    veth: 150,
    transmit: 210,
    socket: 430,
    copy: 190,
    softirq: 130,
    other: 70,
  },
  'vxlan fast': {
    driver: 250,
    gro: 95,
    ebpf: 590,
    encapsulation: 60,
    veth: 150,
    transmit: 230,
    socket: 430,
    copy: 190,
    softirq: 140,
    other: 75,
  },
  'vxlan plain': {
    driver: 260,
    gro: 130,
    bridge: 0,
    netfilter: 520,
    conntrack: 610,
    routing: 330,
    encapsulation: 690,
    decapsulation: 480,
    veth: 280,
    transmit: 390,
    socket: 450,
    copy: 195,
    softirq: 260,
    other: 120,
  },
  'other plain': {
    driver: 250,
    netfilter: 540,
    conntrack: 650,
    routing: 340,
    veth: 270,
    socket: 440,
    other: 90,
  },
} as const

export function sampleProfile(): ProfileReport {
  const paths = Object.entries(COSTS).map(([name, costs], i) => {
    const [path, lane] = name.split(' ') as [PathCost['path'], 'fast' | 'plain']
    const stages = Object.entries(costs).map(([stage, nsPerPacket]) => ({
      stage: stage as Stage,
      nsPerPacket,
    }))
    const nsPerPacket = stages.reduce((sum, s) => sum + s.nsPerPacket, 0)
    return {
      path,
      lane,
      packets: 420_000 / (i + 1),
      nsPerPacket,
      lowNs: nsPerPacket * 0.93,
      highNs: nsPerPacket * 1.08,
      stages,
    }
  })
  const stages = [...new Set(paths.flatMap((p) => p.stages.map((s) => s.stage)))].map((stage) => {
    const ns = paths.reduce(
      (sum, p) => sum + p.packets * (p.stages.find((s) => s.stage === stage)?.nsPerPacket ?? 0),
      0,
    )
    return { stage, ns, lowNs: ns * 0.9, highNs: ns * 1.12, share: 0 }
  })
  const packetNs = stages.reduce((sum, s) => sum + s.ns, 0)
  return {
    seconds: 10,
    cpus: 2,
    hz: 997,
    samples: 18_211,
    source: 'samples',
    missing: ['call graphs of user space: not asked for'],
    packetNs,
    cpu: {
      busyNs: packetNs * 1.9,
      idleNs: 20e9 - packetNs * 1.9,
      userNs: packetNs * 0.6,
      softirqNs: packetNs * 0.7,
    },
    rest: { userNs: packetNs * 0.5, kernelNs: packetNs * 0.2, idleNs: 20e9 - packetNs * 1.9 },
    stages: stages.map((s) => ({ ...s, share: s.ns / packetNs })),
    others: [{ symbol: '__x64_sys_epoll_wait', ns: 12e6 }],
    paths,
    pods: [
      {
        namespace: 'shop',
        name: 'checkout-7d9c6f5b7-x2x9q',
        addresses: ['10.244.0.12'],
        packets: 310_000,
        bytes: 91e6,
        ns: 0.55 * packetNs,
        share: 0.55,
      },
      { addresses: ['10.244.0.31'], packets: 120_000, bytes: 22e6, ns: 0.2 * packetNs, share: 0.2 },
    ],
    own: { ns: 31e6, share: 0.0016 },
  }
}
