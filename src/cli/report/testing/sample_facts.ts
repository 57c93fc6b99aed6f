// Facts as agents give them, made up to look at: a small cluster, one of a thousand peers, one that answers nothing, and
// names that would like to be markup.

import { err, type Fault, ok } from '../../../base/result.ts'
import type { Advice } from '../../../schema/advice.ts'
import type { AgentStatus, PeerStatus } from '../../../schema/agent_status.ts'
import type { PathsReport } from '../../../schema/paths_report.ts'
import type { ProfileReport } from '../../../schema/profile_report.ts'
import type { Stage } from '../../../schema/stages.ts'
import type { SurgeCurves, SurgeStep } from '../../../schema/surge_curves.ts'
import type { NodeFacts, ReportFacts } from '../facts.ts'

export const refusal: Fault = {
  kind: 'not-offered',
  object: '/profile',
  wanted: 'an answer',
  found: 'this agent does not offer it',
  next: 'run an agent of this command’s version',
}

const count = (packets: number) => ({ packets, bytes: packets * 700 })
const traffic = (packets: number) => ({
  sent: { fast: count(packets), plain: count(12) },
  received: { fast: count(packets - 40), plain: count(9) },
})

/** Every `every`-th is behind a router, in one of `segments` segments. */
export const samplePeers = (many: number, segments: number): readonly PeerStatus[] =>
  Array.from({ length: many }, (_, i) => {
    const segment = i % segments
    const address = `10.90.${segment + 1}.${20 + Math.floor(i / segments)}`
    const path = segment === 0 ? 'direct' : 'vxlan'
    return {
      name: `worker-${i + 2}`,
      address,
      podCidrs: [`10.${100 + Math.floor(i / 250)}.${i % 250}.0/24`],
      path,
      why:
        path === 'direct'
          ? `${address} is on the segment of eth0`
          : `${address} is behind a router, not on the segment of eth0`,
      mtuBytes: path === 'direct' ? 1500 : 1450,
      lane: { lane: 'fast', why: '', ...traffic(90_000 - 37 * i) },
    }
  })

export const sampleStatus = (peers: readonly PeerStatus[], more: Partial<AgentStatus> = {}): AgentStatus => ({
  version: '0.1.0',
  nodeName: 'worker-1',
  startedAt: '2026-11-20T08:00:00.000Z',
  source: { kind: 'kubernetes', synced: true, message: 'in sync' },
  ready: { state: 'ready' },
  uplink: { name: 'eth0', mtuBytes: 1500, addresses: ['10.90.1.11/24'] },
  ranges: [{ cidr: '10.244.0.0/24', used: 37, free: 216, coolingDown: 3 }],
  pods: [],
  peers,
  complaints: [],
  features: { vxlan: 'yes' },
  podMtuBytes: 1450,
  podDevice: 'veth',
  ...more,
})

export const samplePaths = (peers: readonly PeerStatus[]): PathsReport => ({
  peers: peers.map(({ name, address, path, why, mtuBytes }, i) => {
    const isHole = i % 97 === 5
    return {
      peer: name,
      address,
      faults: isHole ? ['MTU black hole: packets over 1400 bytes vanish'] : [],
      ...(isHole ? { workaround: 'route MTU 1400' } : {}),
      paths: [
        {
          kind: path === 'direct' ? ('direct' as const) : ('vxlan' as const),
          inUse: true,
          lane: 'fast' as const,
          why,
          mtuBytes,
          trueMtuBytes: isHole ? 1400 : mtuBytes,
          rttUs: { p50: 62 + (i % 7), p99: 180 + 3 * (i % 11) },
          loss: i % 31 === 3 ? 0.004 : 0,
          checksum: 'ok',
          large: isHole ? 'broken' : 'ok',
          reach: 'both',
          packetsPerSecond: 24_000 / (i + 1),
          nsPerPacket: path === 'direct' ? 1830 : 2240,
          ...(path === 'direct' ? {} : { better: 'direct: a route through the router, or one L2 segment' }),
        },
      ],
    }
  }),
})

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
} as const

export function sampleProfile(): ProfileReport {
  const paths = Object.entries(COSTS).map(([name, costs], i) => {
    const [path, lane] = name.split(' ') as ['here' | 'direct' | 'vxlan', 'fast' | 'plain']
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

export const sampleAdvice = (): Advice => ({
  verdict: {
    cause: 'one-core-softirq',
    words:
      'Core 0 is full of softirq while the other three are two thirds idle: it serves the only receive queue.',
    certainty: 'sure',
  },
  limit: { unit: 'packets', perSecond: { value: 412_300, low: 396_000, high: 431_000 } },
  limitWhy: 'what core 0 carries at 100 %, from its 2.31 µs a packet',
  evidence: [
    'core 0: 97 % softirq',
    'eth0 has one receive queue, and no steering',
    'packets dropped by a full backlog: 214 a second',
  ],
  options: [
    {
      name: 'receive steering (RPS)',
      answer: 'helps',
      factor: { value: 2.6, low: 2.1, high: 3.2 },
      why: 'softirq spreads over four cores',
    },
    {
      name: 'the fast lane to worker-7',
      answer: 'helps',
      factor: { value: 1.22, low: 1.14, high: 1.31 },
      why: 'stack and tunnel device are 18 % of core 0',
    },
    { name: 'a machine with more cores', answer: 'helps', factor: { low: 1, high: 2 }, why: 'at most' },
    {
      name: 'more nodes',
      answer: 'does not help',
      factor: { value: 1, low: 1, high: 1 },
      why: 'its clients all come by this node',
    },
    { name: 'RDMA', answer: 'not possible', why: 'there is no RDMA device' },
  ],
  facts: {
    seconds: 10,
    cores: [0, 1, 2, 3].map((cpu) => ({
      cpu,
      user: cpu === 0 ? 0.01 : 0.18,
      system: cpu === 0 ? 0.02 : 0.1,
      softirq: cpu === 0 ? 0.97 : 0.04,
      steal: 0,
      idle: cpu === 0 ? 0 : 0.68,
      dropped: 0,
      squeezed: 0,
    })),
    traffic: [],
    bypass: { rdmaDevices: [], hugePages: 0 },
    points: [],
    missing: [],
  },
})

/** What a closed formula gives: a knee for each path, and latency that grows to it. */
export function sampleSurge(): SurgeCurves {
  const knees = { 'flannel’s datapath': 31e3, 'plain direct': 47e3, 'fast VXLAN': 60e3, 'fast direct': 66e3 }
  const loads = [4, 10, 20, 30, 40, 50, 60, 70, 80].map((k) => k * 1e3)
  const step = (direction: 'up' | 'down', offered: number, knee: number): SurgeStep => {
    const back = direction === 'down' && offered < knee ? 1.08 : 1
    const full = (offered / knee) * back
    const served = Math.min(offered, knee / back)
    const p50Ms = full < 1 ? 0.09 / (1 - full * 0.95) : 40 * full
    return {
      direction,
      offered,
      served,
      p50Ms,
      p99Ms: p50Ms * 4,
      p999Ms: p50Ms * 11,
      loss: Math.max(0, 1 - served / offered),
      softirqShare: Math.min(0.62, 0.55 * full),
      busyShare: Math.min(1, full),
      nsPerRequest: 2e9 / knee,
      stages: [
        { stage: 'server', nsPerRequest: 7e3 },
        { stage: 'encapsulation', nsPerRequest: 2e9 / knee - 27e3 },
        { stage: 'socket', nsPerRequest: 14e3 },
      ],
      generatorIsLimit: offered > 75e3 && knee > 60e3,
    }
  }
  return {
    machine: { kernel: '6.18.0', cores: 2 },
    scale: { measured: false, why: 'not measured: 2 cores' },
    paths: Object.entries(knees).map(([path, knee]) => ({
      path,
      prediction:
        knee < 40e3
          ? { refused: 'weak-fit: wanted six points, found four' }
          : { rps: knee * 1.04, low: knee * 0.9, high: knee * 1.2, points: 7 },
      steps: [
        ...loads.map((l) => step('up', l, knee)),
        ...loads
          .toReversed()
          .slice(1)
          .map((l) => step('down', l, knee)),
      ],
    })),
  }
}

export const sampleNode = (peers: readonly PeerStatus[], more: Partial<AgentStatus> = {}): NodeFacts => ({
  socket: '/run/podlane/agent.sock',
  status: ok(sampleStatus(peers, more)),
  paths: ok(samplePaths(peers)),
  profile: ok(sampleProfile()),
  advice: ok(sampleAdvice()),
})

export const sampleReport = (nodes: readonly NodeFacts[], more: Partial<ReportFacts> = {}): ReportFacts => ({
  madeAt: '2026-11-24T20:00:00.000Z',
  hostName: 'worker-1',
  kernel: '6.18.0',
  version: '0.1.0',
  nodes,
  surge: ok(sampleSurge()),
  ...more,
})

/** An agent that is not there. */
export const silentNode = (): NodeFacts => {
  const gone = err({
    ...refusal,
    kind: 'no-answer',
    object: 'GET /status',
    found: 'connect ENOENT',
    next: 'start «podlane agent»',
  })
  return { socket: '/run/podlane/agent.sock', status: gone, paths: gone, profile: gone, advice: gone }
}
