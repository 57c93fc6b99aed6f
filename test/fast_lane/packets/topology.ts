// The node that the packet tests speak of: three pods (the last one limited) and a peer by every kind of path.

import assert from 'node:assert/strict'
import { type Cidr, parseCidr } from '../../../src/base/cidr.ts'
import { familyOf, type Ip, parseIp } from '../../../src/base/ip.ts'
import { type Mac, parseMac } from '../../../src/base/mac.ts'
import { must } from '../../../src/base/result.ts'
import type { FastPath, FastPod } from '../../../src/plan/fast_lane.ts'
import { podMac, vxlanMac } from '../../../src/plan/pod_link.ts'
import { type Devices, type Topology, uplinkMac } from './bed.ts'

export const ip = (text: string): Ip => must(parseIp(text))
export const cidr = (text: string): Cidr => must(parseCidr(text))
export const mac = (text: string): Mac => must(parseMac(text))

export const own = { 4: ip('192.0.2.1'), 6: ip('2001:db8::1') } as const
export const routerMac = mac('02:00:00:00:00:fe')

export type Peer = {
  readonly name: string
  readonly address: Ip
  readonly hop: { readonly ip: Ip; readonly mac: Mac }
  readonly pod: Readonly<Record<4 | 6, Ip>>
}

const router: Readonly<Record<4 | 6, Peer['hop']>> = {
  4: { ip: ip('192.0.2.254'), mac: routerMac },
  6: { ip: ip('2001:db8::fe'), mac: routerMac },
}
const directMac = mac('02:00:00:00:00:02')
const remote = (n: number) => ({ 4: ip(`10.244.${n}.20`), 6: ip(`fd00:${n}::20`) })

export const peers = {
  direct: {
    name: 'direct',
    address: ip('192.0.2.2'),
    hop: { ip: ip('192.0.2.2'), mac: directMac },
    pod: remote(2),
  },
  vxlan4: { name: 'vxlan4', address: ip('198.51.100.3'), hop: router[4], pod: remote(3) },
  vxlan6: { name: 'vxlan6', address: ip('2001:db8:9::4'), hop: router[6], pod: remote(4) },
  plain: { name: 'plain', address: ip('198.51.100.5'), hop: router[4], pod: remote(5) },
} as const satisfies Record<string, Peer>
export type PeerName = keyof typeof peers
export const directHop6 = { ip: ip('2001:db8::2'), mac: directMac }

export const families = [4, 6] as const
export const addresses = [10, 11, 12, 13].map((n) => ({ 4: ip(`10.244.1.${n}`), 6: ip(`fd00:1::${n}`) }))
export const outside = { 4: ip('203.0.113.9'), 6: ip('2001:db8:ffff::9') } as const

/** By number; the third is limited. */
export const podAddress = (n: number, family: 4 | 6): Ip =>
  (addresses[n] ?? assert.fail(`no pod ${n}`))[family]
export const macOf = (n: number): Mac => podMac([podAddress(n, 4)])

const MTU = 1500
const mtuOf = (kind: FastPath['kind'], address: Ip): number =>
  kind === 'direct' ? MTU : MTU - (familyOf(address) === 4 ? 50 : 70)

export function pathOf(
  devices: Devices,
  over: Pick<FastPath, 'peer' | 'kind' | 'address' | 'hop' | 'ranges'> & Partial<FastPath>,
): FastPath {
  const family = familyOf(over.address)
  return {
    key: `${over.peer} ${over.kind} ${over.hop?.ip}`,
    mtuBytes: mtuOf(over.kind, over.address),
    uplink: devices.uplink,
    ownMac: uplinkMac,
    own: own[family],
    directMac: over.kind === 'direct' ? over.hop?.mac : undefined,
    tunnel: { source: vxlanMac(own[family]), destination: vxlanMac(over.address), vni: 112, port: 4789 },
    lane: 'fast',
    why: '',
    ...over,
  }
}

export function podsOf(devices: Devices): FastPod[] {
  return [0, 1, 2].flatMap((n) =>
    families.map((f) => ({
      ip: podAddress(n, f),
      index: devices.pods[n] ?? devices.uplink,
      mac: macOf(n),
      limited: n === 2,
    })),
  )
}

export function standardTopology(devices: Devices): Topology {
  const { direct, vxlan4, vxlan6, plain } = peers
  const tunnel = (peer: Peer, n: number, over: Partial<FastPath> = {}): FastPath =>
    pathOf(devices, {
      peer: peer.name,
      kind: 'vxlan',
      address: peer.address,
      hop: peer.hop,
      ranges: [cidr(`10.244.${n}.0/24`), cidr(`fd00:${n}::/64`)],
      ...over,
    })
  const segment = { peer: direct.name, kind: 'direct', address: direct.address } as const
  return {
    here: 'fast',
    pods: podsOf(devices),
    paths: [
      pathOf(devices, { ...segment, hop: direct.hop, ranges: [cidr('10.244.2.0/24')] }),
      pathOf(devices, { ...segment, hop: directHop6, ranges: [cidr('fd00:2::/64')] }),
      tunnel(vxlan4, 3),
      tunnel(vxlan6, 4),
      tunnel(plain, 5, { lane: 'plain' }),
    ],
  }
}
