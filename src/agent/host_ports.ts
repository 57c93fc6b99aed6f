// Whether a pod's hostPorts are free: neither another pod's nor listened on by a program of the host.

import type { Family, Ip } from '../base/ip.ts'
import { familyOf, ipBytes } from '../base/ip.ts'
import type { Fault } from '../base/result.ts'
import type { HostPort } from '../cni/network.ts'
import { probePort } from '../kernel/listener.ts'

const ANY: Readonly<Record<Family, Ip>> = { 4: '0.0.0.0' as Ip, 6: '::' as Ip }
/** Why a port on this address would be silent; undefined if it would not. */
function silence(ip: Ip): string | undefined {
  if (ip === '::1') return '::1, from which Linux translates nothing'
  const [first = 0, second = 0] = ipBytes(ip)
  if (familyOf(ip) === 4) return first >= 224 ? `${ip}, which is no address of one host` : undefined
  if (first === 0xff) return `${ip}, which is no address of one host`
  if (first === 0xfe && (second & 0xc0) === 0x80) return `${ip}, which means another host on every link`
  return ip.startsWith('::ffff:') ? `${ip}, an IPv4 address in IPv6 form` : undefined
}
const isAny = (ip: Ip): boolean => ip === ANY[4] || ip === ANY[6]

/** The first port that cannot be had, as a fault that names who has it. */
export function findTakenPort(
  wanted: readonly HostPort[],
  held: ReadonlyMap<string, readonly HostPort[]>,
  families: readonly Family[],
): Fault | undefined {
  for (const port of wanted) {
    const silent = port.hostIp === undefined ? undefined : silence(port.hostIp)
    if (silent !== undefined) return silentFault(port, silent)
    for (const [owner, ports] of held) {
      if (ports.some((other) => collide(port, other))) return takenFault(port, `pod container ${owner}`)
    }
    const addresses = port.hostIp === undefined ? families.map((f) => ANY[f]) : [port.hostIp]
    for (const ip of addresses) {
      const state = probePort(port.protocol, ip, port.hostPort)
      if (state === 'taken') return takenFault(port, 'a program of the host listens on it')
      if (state !== 'free') return addressFault(port)
    }
  }
  return undefined
}

function collide(a: HostPort, b: HostPort): boolean {
  if (a.hostPort !== b.hostPort || a.protocol !== b.protocol) return false
  if (a.hostIp === undefined || b.hostIp === undefined) return true
  if (familyOf(a.hostIp) !== familyOf(b.hostIp)) return false
  return a.hostIp === b.hostIp || isAny(a.hostIp) || isAny(b.hostIp)
}

const text = (port: HostPort): string =>
  `hostPort ${port.hostIp === undefined ? '' : `${port.hostIp} `}${port.protocol}/${port.hostPort}`

const takenFault = (port: HostPort, by: string): Fault => ({
  kind: 'port-taken',
  object: text(port),
  wanted: 'a free port',
  found: by,
  next: 'choose another hostPort, or stop what has it (ss -lnp)',
})

const silentFault = (port: HostPort, found: string): Fault => ({
  kind: 'port-taken',
  object: text(port),
  wanted: 'an address that can lead to a pod',
  found,
  next: 'use 127.0.0.1 or another address as hostIP, or leave it out',
})

const addressFault = (port: HostPort): Fault => ({
  kind: 'port-taken',
  object: text(port),
  wanted: 'an address of this node',
  found: 'none such',
  next: 'correct hostIP, or leave it out for all addresses',
})
