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

const hex = Array.from({ length: 256 }, (_, b) => b.toString(16).padStart(2, '0'))

export function macFromBytes(bytes: Uint8Array): Mac {
  const at = (i: number): string | undefined => hex[bytes[i] ?? 0]
  return `${at(0)}:${at(1)}:${at(2)}:${at(3)}:${at(4)}:${at(5)}` as Mac
}

export function macBytes(mac: Mac): Uint8Array {
  const bytes = new Uint8Array(6)
  for (let i = 0; i < 6; i++) bytes[i] = Number.parseInt(mac.slice(3 * i, 3 * i + 2), 16)
  return bytes
}

/** A locally administered unicast MAC out of six bytes of any origin (a hash, an address). */
export function localMac(bytes: Uint8Array): Mac {
  const own = Uint8Array.from(bytes.subarray(0, 6))
  own[0] = ((own[0] ?? 0) & 0xfe) | 0x02
  return macFromBytes(own)
}
