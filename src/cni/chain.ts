// Podlane in a chain: what stands in `prevResult`, what ADD adds to it and what CHECK may hold the kernel to.

import { cidrLength, cidrNetwork } from '../base/cidr.ts'
import type { Ip } from '../base/ip.ts'
import { type Mac, parseMac } from '../base/mac.ts'
import { ok, type Result } from '../base/result.ts'
import { type CniError, codes, failure } from './errors.ts'
import type { Attachment } from './network.ts'
import type { CniResult, ResultDns, ResultInterface } from './result.ts'

/** The interface of this name in the container; the runtime's path of the container does not matter. */
const inContainer = (result: CniResult, ifName: string): number =>
  result.interfaces.findIndex((i) => i.name === ifName && i.sandbox !== '')

/** True if an earlier plugin made the interface that we are asked to make. */
export const isTaken = (previous: CniResult | undefined, ifName: string): boolean =>
  previous !== undefined && inContainer(previous, ifName) >= 0

/** The earlier plugins' result with ours appended; their indexes into `interfaces` stay valid. */
export function resultOf(
  attachment: Attachment,
  sandbox: string,
  dns: ResultDns,
  previous: CniResult | undefined,
): CniResult {
  const before = previous ?? { interfaces: [], ips: [], routes: [], dns: emptyDns }
  const host = interfaceOf(attachment.hostInterface, '')
  const pod = interfaceOf(attachment.podInterface, sandbox)
  return {
    interfaces: [...before.interfaces, host, pod],
    ips: [
      ...before.ips,
      ...attachment.ips.map(({ address, gateway }) => ({
        address: { ip: cidrNetwork(address), length: cidrLength(address) },
        gateway,
        interface: before.interfaces.length + 1,
      })),
    ],
    routes: [
      ...before.routes,
      ...attachment.routes.map((route) => ({
        dst: { ip: cidrNetwork(route.dst), length: cidrLength(route.dst) },
        gw: route.gw,
        mtuBytes: route.mtuBytes ?? 0,
        advmss: 0,
        priority: 0,
        table: undefined,
        scope: undefined,
      })),
    ],
    dns: mergedDns(before.dns, dns),
  }
}

const emptyDns: ResultDns = { nameservers: [], domain: '', search: [], options: [] }

/** Ours where we have something to say, else what the earlier plugins said. */
const mergedDns = (before: ResultDns, ours: ResultDns): ResultDns => ({
  nameservers: ours.nameservers.length > 0 ? ours.nameservers : before.nameservers,
  domain: ours.domain || before.domain,
  search: ours.search.length > 0 ? ours.search : before.search,
  options: ours.options.length > 0 ? ours.options : before.options,
})

const interfaceOf = (
  { name, mac, mtuBytes }: { readonly name: string; readonly mac: Mac; readonly mtuBytes: number },
  sandbox: string,
): ResultInterface => ({ name, mac, mtuBytes, sandbox, socketPath: '', pciId: '' })

export type Claim = { readonly ips: readonly Ip[]; readonly mac: Mac | undefined }

/**
 * What the chain's last result claims of our interface. Later plugins write their changes (a MAC, an address more)
 * into that result, so holding the kernel to it tolerates them; routes may have been changed without a word.
 */
export function claimOf(previous: CniResult, ifName: string): Result<Claim, CniError> {
  const index = inContainer(previous, ifName)
  const found = previous.interfaces[index]
  if (!found)
    return failure(
      codes.checkFailed,
      `interface ${ifName} does not stand in prevResult`,
      'this attachment was not made with this config',
    )
  const mac = parseMac(found.mac)
  return ok({
    ips: previous.ips.filter((ip) => ip.interface === index).map((ip) => ip.address.ip),
    mac: mac.ok ? mac.value : undefined,
  })
}
