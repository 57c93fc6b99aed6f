// Address ranges as branded strings `network/length` in canonical form: host bits are zero.

import {
  bitsOf,
  type Family,
  familyOf,
  type Ip,
  ipBytes,
  ipFromBig,
  ipFromBytes,
  ipToBig,
  parseIp,
} from './ip.ts'
import { fault, ok, type Result } from './result.ts'

declare const cidrBrand: unique symbol
export type Cidr = string & { readonly [cidrBrand]: true }

/** Accepts host bits (`10.1.2.3/24`) and masks them. */
export function parseCidr(text: string): Result<Cidr> {
  const [address = '', length = '', ...rest] = text.split('/')
  const ip = parseIp(address)
  if (ip.ok && rest.length === 0 && /^(0|[1-9]\d{0,2})$/.test(length)) {
    const n = Number(length)
    if (n <= bitsOf(familyOf(ip.value))) return ok(cidrOf(ip.value, n))
  }
  return fault(
    'bad-range',
    'address range',
    'a CIDR such as 10.244.0.0/16',
    JSON.stringify(text),
    'correct the range',
  )
}

/** The range of `length` leading bits around an address. */
export function cidrOf(ip: Ip, length: number): Cidr {
  const bytes = ipBytes(ip)
  for (let i = 0; i < bytes.length; i++) bytes[i] = (bytes[i] ?? 0) & maskByte(length - 8 * i)
  return `${ipFromBytes(bytes)}/${length}` as Cidr
}

/** A byte of which the first `bits` bits count: all of it from 8 on, nothing of it below 1. */
const maskByte = (bits: number): number => (bits >= 8 ? 0xff : bits <= 0 ? 0 : (0xff00 >> bits) & 0xff)

/** The range of one address, `/32` or `/128`. */
export const hostCidr = (ip: Ip): Cidr => `${ip}/${bitsOf(familyOf(ip))}` as Cidr

export const cidrNetwork = (cidr: Cidr): Ip => cidr.slice(0, cidr.indexOf('/')) as Ip
export const cidrLength = (cidr: Cidr): number => Number(cidr.slice(cidr.indexOf('/') + 1))
export const cidrFamily = (cidr: Cidr): Family => familyOf(cidrNetwork(cidr))

/** First and last address, network and broadcast included, as integers. */
export function cidrBounds(cidr: Cidr): { readonly first: bigint; readonly last: bigint } {
  const first = ipToBig(cidrNetwork(cidr))
  return { first, last: first + (1n << BigInt(bitsOf(cidrFamily(cidr)) - cidrLength(cidr))) - 1n }
}

export function cidrContains(cidr: Cidr, ip: Ip): boolean {
  const network = ipBytes(cidrNetwork(cidr))
  const bytes = ipBytes(ip)
  const length = cidrLength(cidr)
  return (
    network.length === bytes.length &&
    bytes.every((byte, i) => (byte & maskByte(length - 8 * i)) === network[i])
  )
}

export function cidrsOverlap(a: Cidr, b: Cidr): boolean {
  if (cidrFamily(a) !== cidrFamily(b)) return false
  const x = cidrBounds(a)
  const y = cidrBounds(b)
  return x.first <= y.last && y.first <= x.last
}

/** The n-th address of the range; the caller keeps n inside it. */
export const cidrAddress = (cidr: Cidr, n: bigint): Ip =>
  ipFromBig(ipToBig(cidrNetwork(cidr)) + n, cidrFamily(cidr))
