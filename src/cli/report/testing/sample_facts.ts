// Facts as agents give them, made up to look at: a small cluster, one of a thousand peers, one that answers nothing, and
// names that would like to be markup.

import { err, type Fault, ok } from '../../../base/result.ts'
import type { AgentStatus, PeerStatus } from '../../../schema/agent_status.ts'
import type { PathsReport } from '../../../schema/paths_report.ts'
import type { NodeFacts, ReportFacts } from '../facts.ts'
import { sampleAdvice } from './sample_advice.ts'
import { sampleProfile } from './sample_profile.ts'
import { sampleSurge } from './sample_surge.ts'

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
