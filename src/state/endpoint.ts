// A pod's interface as the kernel remembers it: the host side of its pair, with the owner in the alias. The
// alias is the only record there is; it is set last and so is the sign that the endpoint is whole.

import type { IfIndex } from '../base/ifindex.ts'
import { type Ip, parseIp } from '../base/ip.ts'
import { type Mac, parseMac } from '../base/mac.ts'

export type Owner = {
  readonly containerId: string
  readonly ifName: string
  readonly network: string
  readonly podUid: string | undefined
  readonly podMac: Mac
  readonly addresses: readonly Ip[]
}

/** netkit has its programs on the host's end for both directions, veth at tc. */
export type DeviceKind = 'veth' | 'netkit'
export const isDeviceKind = (kind: string | undefined): kind is DeviceKind =>
  kind === 'veth' || kind === 'netkit'

export type Endpoint = Owner & {
  readonly link: {
    readonly kind: DeviceKind
    readonly index: IfIndex
    readonly name: string
    readonly mac: Mac
    readonly mtuBytes: number
  }
}

/** IFALIASZ less its final zero. */
export const ALIAS_BYTES = 255
const VERSION = 'podlane1'

/** Words `key=value`; all values come from validated IDs and canonical addresses, so none holds a blank. */
export function aliasOf(owner: Owner, deleting = false): string {
  const words = [
    VERSION,
    ...(deleting ? ['deleting'] : []),
    `c=${owner.containerId}`,
    `i=${owner.ifName}`,
    `n=${owner.network}`,
    ...(owner.podUid === undefined ? [] : [`u=${owner.podUid}`]),
    `m=${owner.podMac}`,
    `a=${owner.addresses.join(',')}`,
  ]
  return words.join(' ')
}

/** Undefined for an alias that is not ours or not whole. */
export function parseAlias(alias: string): { readonly owner: Owner; readonly deleting: boolean } | undefined {
  const words = alias.split(' ')
  if (words[0] !== VERSION) return undefined
  const value = (key: string): string | undefined => words.find((w) => w.startsWith(`${key}=`))?.slice(2)
  const mac = parseMac(value('m') ?? '')
  const addresses = (value('a') ?? '').split(',').map(parseIp)
  const containerId = value('c')
  const ifName = value('i')
  if (!containerId || !ifName || !mac.ok) return undefined
  const ips = addresses.flatMap((a) => (a.ok ? [a.value] : []))
  if (ips.length !== addresses.length) return undefined
  return {
    deleting: words[1] === 'deleting',
    owner: {
      containerId,
      ifName,
      network: value('n') ?? '',
      podUid: value('u'),
      podMac: mac.value,
      addresses: ips,
    },
  }
}

/** Key of an attachment in maps. */
export const endpointKey = (id: { containerId: string; ifName: string }): string =>
  `${id.containerId} ${id.ifName}`
