// A pod network in memory: the contract of network.ts without a kernel, for tests of whatever stands before it.
// A pod's interface «exists» from ADD to DEL; addresses are handed out in order.

import { fstatSync } from 'node:fs'
import { type Cidr, cidrAddress, hostCidr, parseCidr } from '../../base/cidr.ts'
import { ifIndex } from '../../base/ifindex.ts'
import { familyOf, type Ip, parseIp } from '../../base/ip.ts'
import { localMac } from '../../base/mac.ts'
import { fault, must, ok, type Result } from '../../base/result.ts'
import type { AddRequest, Attachment, AttachmentId, CheckRequest, PodNetwork, Readiness } from '../network.ts'

export type MemoryNetwork = PodNetwork & {
  readonly attachments: ReadonlyMap<string, Attachment & { readonly request: AddRequest }>
  /** What `status` answers from now on. */
  readiness: Readiness
  /** Runs before each verb: a delay, or a fault that it ends in. */
  before: (verb: string, id: AttachmentId) => Promise<Result<void>>
}

export const keyOf = (id: AttachmentId): string => `${id.containerId} ${id.ifName}`

const gateways = { 4: must(parseIp('169.254.1.1')), 6: must(parseIp('fe80::1')) }
const anywhere: { readonly [F in 4 | 6]: Cidr } = {
  4: must(parseCidr('0.0.0.0/0')),
  6: must(parseCidr('::/0')),
}

export function memoryNetwork(
  ranges: readonly Cidr[] = [must(parseCidr('10.244.1.0/24')), must(parseCidr('fd00:1::/64'))],
): MemoryNetwork {
  const attachments = new Map<string, Attachment & { readonly request: AddRequest }>()
  let made = 0
  const network: MemoryNetwork = {
    attachments,
    readiness: { state: 'ready' },
    before: async () => ok(undefined),
    add: async (request) => {
      const before = await network.before('ADD', request)
      if (!before.ok) return before
      fstatSync(request.netnsFd)
      const key = keyOf(request)
      if (attachments.has(key))
        return fault('exists', `interface ${request.ifName}`, 'none of that name', 'one', 'choose another')
      made += 1
      const attachment = attachmentOf(request, made, ranges)
      attachments.set(key, { ...attachment, request })
      return ok(attachment)
    },
    del: async (id, hostIndex) => {
      const before = await network.before('DEL', id)
      if (!before.ok) return before
      const index = attachments.get(keyOf(id))?.hostInterface.index
      if (hostIndex === undefined || hostIndex === index) attachments.delete(keyOf(id))
      return before
    },
    check: async (request) => {
      const before = await network.before('CHECK', request)
      return before.ok ? checked(request, attachments.get(keyOf(request))) : before
    },
    status: async () => network.readiness,
    surplus: async (name, valid) => {
      const keep = new Set(valid.map(keyOf))
      const stale = [...attachments.values()].filter(
        (a) => a.request.network === name && !keep.has(keyOf(a.request)),
      )
      return stale.map(({ containerId, ifName, hostInterface }) => ({
        containerId,
        ifName,
        hostIndex: hostInterface.index,
      }))
    },
  }
  return network
}

function attachmentOf(request: AddRequest, n: number, ranges: readonly Cidr[]): Attachment {
  const { containerId, ifName } = request
  const chosen = ranges.map((range) => cidrAddress(range, BigInt(n + 1)))
  const wanted = (ip: Ip): Ip => request.ips.find((w) => familyOf(w) === familyOf(ip)) ?? ip
  const mac = localMac(Uint8Array.of(2, 0, 0, 0, n >> 8, n))
  const ips = chosen.map(wanted)
  return {
    containerId,
    ifName,
    hostInterface: {
      name: `pl${n}`,
      index: ifIndex(n),
      mac: localMac(Uint8Array.of(2, 1, 0, 0, n >> 8, n)),
      mtuBytes: 1500,
    },
    podInterface: { name: ifName, mac: request.mac ?? mac, mtuBytes: 1500 },
    ips: ips.map((ip) => ({ address: hostCidr(ip), gateway: gateways[familyOf(ip)] })),
    routes: ips.map((ip) => ({
      dst: anywhere[familyOf(ip)],
      gw: gateways[familyOf(ip)],
      mtuBytes: 1450,
    })),
  }
}

function checked(request: CheckRequest, found: Attachment | undefined): Result<void> {
  const missing = found ? [] : [`interface ${request.ifName}`]
  if (found) {
    const has = new Set(found.ips.map((ip) => ip.address))
    missing.push(...request.ips.filter((ip) => !has.has(hostCidr(ip))).map((ip) => `address ${ip}`))
    if (request.mac && request.mac !== found.podInterface.mac) missing.push(`MAC ${request.mac}`)
  }
  if (missing.length === 0) return ok(undefined)
  return fault(
    'check-failed',
    `pod ${request.containerId}`,
    'what ADD made',
    `without ${missing.join(', ')}`,
    'delete it',
  )
}
