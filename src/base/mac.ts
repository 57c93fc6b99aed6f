// MAC addresses as branded strings, lower case, colon-separated.

import { fault, ok, type Result } from './result.ts'

declare const macBrand: unique symbol
export type Mac = string & { readonly [macBrand]: true }

export function parseMac(text: string): Result<Mac> {
  const lower = text.toLowerCase().replaceAll('-', ':')
  if (/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(lower)) return ok(lower as Mac)
  return fault(
    'bad-mac',
    'MAC address',
    'six bytes such as 02:00:00:00:00:01',
    JSON.stringify(text),
    'correct the MAC',
  )
}

export function macFromBytes(bytes: Uint8Array): Mac {
  return Array.from(bytes.subarray(0, 6), (b) => b.toString(16).padStart(2, '0')).join(':') as Mac
}

export const macBytes = (mac: Mac): Uint8Array =>
  Uint8Array.from(mac.split(':'), (h) => Number.parseInt(h, 16))

/** A locally administered unicast MAC out of six bytes of any origin (a hash, an address). */
export function localMac(bytes: Uint8Array): Mac {
  const own = Uint8Array.from(bytes.subarray(0, 6))
  own[0] = ((own[0] ?? 0) & 0xfe) | 0x02
  return macFromBytes(own)
}
