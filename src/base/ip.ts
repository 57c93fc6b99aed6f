// IPv4 and IPv6 addresses as branded strings in canonical form (dotted quad; RFC 5952 lower case), so that `===`
// and Map keys work. Parsed once at the edge; one code path for both families.

import { fault, ok, type Result } from './result.ts'

declare const ipBrand: unique symbol
export type Ip = string & { readonly [ipBrand]: true }
export type Family = 4 | 6

export const familyOf = (ip: Ip): Family => (ip.includes(':') ? 6 : 4)
export const bitsOf = (family: Family): 32 | 128 => (family === 4 ? 32 : 128)

export function parseIp(text: string): Result<Ip> {
  const bytes = text.includes(':') ? bytesOf6(text) : bytesOf4(text)
  if (bytes) return ok(ipFromBytes(bytes))
  return fault(
    'bad-address',
    'IP address',
    'an IPv4 or IPv6 address',
    JSON.stringify(text),
    'correct the address',
  )
}

/** The address of 4 or 16 bytes in network order. An IPv4-mapped IPv6 address stays IPv6. */
export function ipFromBytes(bytes: Uint8Array): Ip {
  // Not join(): a thousand nodes are some ten thousand addresses at each look.
  return (bytes.length === 4 ? `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}` : textOf6(bytes)) as Ip
}

/** 4 or 16 bytes in network order. */
export function ipBytes(ip: Ip): Uint8Array {
  const bytes = familyOf(ip) === 4 ? bytesOf4(ip) : bytesOf6(ip)
  if (!bytes) throw new Error(`not a canonical address: ${ip}`)
  return bytes
}

export function ipToBig(ip: Ip): bigint {
  const bytes = ipBytes(ip)
  // By words of 32 bits: big integers are slow, and most addresses are one word.
  let value = 0n
  for (let at = 0; at < bytes.length; at += 4) {
    let word = 0
    for (let i = at; i < at + 4; i++) word = word * 256 + (bytes[i] ?? 0)
    value = at === 0 ? BigInt(word) : (value << 32n) | BigInt(word)
  }
  return value
}

export function ipFromBig(value: bigint, family: Family): Ip {
  const bytes = new Uint8Array(bitsOf(family) / 8)
  let rest = value
  for (let at = bytes.length; at > 0; at -= 4) {
    const word = Number(rest & 0xffffffffn)
    for (let i = 0; i < 4; i++) bytes[at - 1 - i] = word >>> (8 * i)
    rest >>= 32n
  }
  return ipFromBytes(bytes)
}

const ZERO = 48
const NINE = 57
const DOT = 46

/** Character by character: every address of every node comes through here at each look. */
function bytesOf4(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(4)
  let part = 0
  let value = -1
  for (let i = 0; i <= text.length; i++) {
    const c = i === text.length ? DOT : text.charCodeAt(i)
    if (c === DOT) {
      if (value < 0 || part > 3) return undefined
      bytes[part++] = value
      value = -1
      continue
    }
    // No leading zeros: other parsers read them as octal, so the same text would mean two addresses.
    if (c < ZERO || c > NINE || value === 0) return undefined
    value = (value < 0 ? 0 : value * 10) + c - ZERO
    if (value > 255) return undefined
  }
  return part === 4 ? bytes : undefined
}

function bytesOf6(text: string): Uint8Array | undefined {
  let source = text
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text)
  if (dotted) {
    const tail = bytesOf4(dotted[2] ?? '')
    if (!tail) return undefined
    const [a = 0, b = 0, c = 0, d = 0] = tail
    source = `${dotted[1]}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
  }
  const halves = source.split('::')
  if (halves.length > 2) return undefined
  const words = (half: string | undefined): string[] => (half ? half.split(':') : [])
  const head = words(halves[0])
  const tail = words(halves[1])
  const gap = 8 - head.length - tail.length
  if (halves.length === 2 ? gap < 1 : gap !== 0) return undefined
  const all = [...head, ...Array<string>(halves.length === 2 ? gap : 0).fill('0'), ...tail]
  if (!all.every((w) => /^[0-9a-fA-F]{1,4}$/.test(w))) return undefined
  const bytes = new Uint8Array(16)
  all.forEach((w, i) => {
    const n = Number.parseInt(w, 16)
    bytes[2 * i] = n >> 8
    bytes[2 * i + 1] = n & 0xff
  })
  return bytes
}

function textOf6(bytes: Uint8Array): string {
  const words = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0))
  const zeros = longestZeroRun(words)
  const hex = (part: number[]): string => part.map((w) => w.toString(16)).join(':')
  if (zeros.length < 2) return hex(words)
  return `${hex(words.slice(0, zeros.start))}::${hex(words.slice(zeros.start + zeros.length))}`
}

function longestZeroRun(words: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  for (let i = 0; i < words.length; i++) {
    let end = i
    while (end < words.length && words[end] === 0) end++
    if (end - i > best.length) best = { start: i, length: end - i }
    if (end > i) i = end
  }
  return best
}
