// What a node may know, in small and in large, made through the code of the agent: paths to other nodes, ranges, pods.

import { type Cidr, parseCidr } from '../src/base/cidr.ts'
import type { IfIndex } from '../src/base/ifindex.ts'
import { parseMac } from '../src/base/mac.ts'
import { must } from '../src/base/result.ts'
import type { FastLanePlan, FastPath, FastPod } from '../src/plan/fast_lane.ts'
import { GATEWAY_MAC } from '../src/plan/ownership.ts'
import type { Flow } from './flat_frames.ts'
import { ip } from './lib/node_namespace.ts'

const mac = (text: string) => must(parseMac(text))
export const POD_MAC = mac('02:00:00:00:02:01')
export const PEER_MAC = mac(GATEWAY_MAC)
export const UPLINK_MAC = mac('02:00:00:00:01:01')
export const OWN_ADDRESS = '172.16.0.1'
const OWN = ip(OWN_ADDRESS)
const VNI = 112
const PORT = 4789
const MTU_BYTES = 1500
const TUNNEL_MTU_BYTES = 1450

/** Of one node; every second one is reached by the tunnel. */
export const kindOfPeer = (peer: number): 'direct' | 'vxlan' => (peer % 2 === 0 ? 'direct' : 'vxlan')
export const peerAddress = (peer: number): string =>
  `172.${17 + (peer >> 16)}.${(peer >> 8) & 255}.${peer & 255}`
/** An address in the range of that node. */
export const remotePod = (peer: number, host = 5): string => `${11 + (peer >> 8)}.${peer & 255}.0.${host}`
export const remoteRange = (peer: number): string => `${11 + (peer >> 8)}.${peer & 255}.0.0/24`
export const localPod = (pod: number): string => `10.${pod >> 16}.${(pod >> 8) & 255}.${pod & 255}`

export const FEW = { nodes: 2, pods: 10 }
export const MANY = { nodes: 5000, pods: 50_000, flows: 500_000 }

export const flowOf = (pod: number, peer: number, podPort: number, remotePort: number): Flow => ({
  ...{ pod: localPod(pod), remote: remotePod(peer), peer, podPort, remotePort },
})

const PORTS = 30_000

/** Between as many ends as are known, spread so that no two neighbours share one. */
export const otherFlows = (count: number, nodes: number, pods: number): Flow[] =>
  Array.from({ length: count }, (_, i) =>
    flowOf(
      1 + ((i * 7919) % pods),
      (i * 104_729 + Math.floor(i / nodes)) % nodes,
      1024 + (i % PORTS),
      80 + Math.floor(i / PORTS),
    ),
  )

export const flatPods = (count: number, link: IfIndex): FastPod[] =>
  Array.from({ length: count }, (_, i) => podOf(i + 1, link))

/** Pods are written beside it: so many links would be another bench. */
export function flatPlan(nodes: number, uplink: IfIndex): FastLanePlan {
  return {
    uplink: undefined,
    tunnel: undefined,
    lane: 'fast',
    mtuBytes: MTU_BYTES,
    own: [cidr('10.0.0.0/16')],
    endpoints: [],
    limited: new Set(),
    paths: Array.from({ length: nodes }, (_, i) => pathOf(i, uplink)),
  }
}

const cidr = (text: string): Cidr => must(parseCidr(text))

const podOf = (pod: number, index: IfIndex): FastPod => ({
  ip: ip(localPod(pod)),
  index,
  mac: POD_MAC,
  limited: false,
})

function pathOf(peer: number, uplink: IfIndex): FastPath {
  const kind = kindOfPeer(peer)
  const address = ip(peerAddress(peer))
  return {
    key: `peer-${peer}`,
    peer: `peer-${peer}`,
    kind,
    ranges: [cidr(remoteRange(peer))],
    mtuBytes: kind === 'direct' ? MTU_BYTES : TUNNEL_MTU_BYTES,
    uplink,
    ownMac: UPLINK_MAC,
    own: OWN,
    address,
    hop: { ip: address, mac: PEER_MAC },
    directMac: PEER_MAC,
    tunnel: { source: UPLINK_MAC, destination: PEER_MAC, vni: VNI, port: PORT },
    lane: 'fast',
    why: '',
  }
}
