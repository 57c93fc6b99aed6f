// Reads a frame as the words of the design say, without a thought to speed: the model's half of what the programs read.

import { type Ip, ipFromBytes } from '../../src/base/ip.ts'
import { type Mac, macFromBytes } from '../../src/base/mac.ts'

export type Reason = string
export type Read = {
  readonly src: Ip
  readonly dst: Ip
  readonly protocol: number
  readonly ports: readonly [number, number]
  readonly flags: number
  readonly ttl: number
  readonly ecn: number
  /** Of the IP and transport headers. */
  readonly headerBytes: number
  /** An ICMP error: what it is about is read by itself. */
  readonly error: boolean
  readonly echo?: 'asked' | 'answered'
}
/** Where the IP header of what is for a pod stands, and what was before it. */
export type Frame = {
  readonly to: Mac
  readonly from: Mac
  readonly offset: number
  readonly outer: { readonly src: Ip; readonly dst: Ip; readonly ecn: number } | undefined
  readonly packet: Read | Reason
}

const ICMP = { 4: 1, 6: 58 } as const
const TCP = 6
const UDP = 17
const ECHOES = { 4: [0, 8], 6: [128, 129] } as const
const REQUEST = { 4: 8, 6: 128 } as const
const ERRORS = { 4: [3, 11, 12], 6: [1, 2, 3, 4] } as const

const familyOfType = (type: number): 4 | 6 | undefined =>
  type === 0x0800 ? 4 : type === 0x86dd ? 6 : undefined

export function readFrame(
  frame: Buffer,
  tunnels: { readonly vni: number; readonly port: number } | undefined,
): Frame {
  const ends = { to: macFromBytes(frame.subarray(0, 6)), from: macFromBytes(frame.subarray(6, 12)) }
  const type = frame.readUInt16BE(12)
  const tunnel = tunnels && readTunnel(frame, type, tunnels)
  if (typeof tunnel === 'string') return { ...ends, offset: 14, outer: undefined, packet: tunnel }
  if (!tunnel) return { ...ends, offset: 14, outer: undefined, packet: readIp(frame, 14, type) }
  return { ...ends, ...tunnel, packet: readIp(frame, tunnel.offset, frame.readUInt16BE(tunnel.offset - 2)) }
}

function readTunnel(frame: Buffer, type: number, { vni, port }: { vni: number; port: number }) {
  const family = familyOfType(type)
  if (!family) return undefined
  const header = family === 4 ? 20 : 40
  const offset = 14 + header + 30
  const ip = readAddresses(frame, 14, family)
  if (!ip || ip.fragment || ip.protocol !== UDP || frame.length < 14 + header + 8) return undefined
  if (frame.readUInt16BE(14 + header + 2) !== port) return undefined
  if (frame.length < offset) return 'reason_header'
  const sum = frame.readUInt16BE(14 + header + 6)
  const vxlan = frame.subarray(14 + header + 8)
  if (sum !== 0 || vxlan.readUInt32BE(0) !== 0x08000000 || vxlan.readUInt32BE(4) !== vni * 256)
    return 'reason_tunnel'
  // An inner EtherType of zero reads like no tunnel at all.
  if (frame.readUInt16BE(offset - 2) === 0) return undefined
  return { offset, outer: { src: ip.src, dst: ip.dst, ecn: ip.ecn } }
}

type Addresses = Pick<Read, 'src' | 'dst' | 'protocol' | 'ttl' | 'ecn'> & { readonly fragment: boolean }

function readAddresses(frame: Buffer, at: number, family: 4 | 6): Addresses | undefined {
  const ip = frame.subarray(at)
  if (ip.length < (family === 4 ? 20 : 40)) return undefined
  if (family === 6) {
    if (ip.readUInt8(0) >> 4 !== 6) return undefined
    return {
      src: ipFromBytes(ip.subarray(8, 24)),
      dst: ipFromBytes(ip.subarray(24, 40)),
      protocol: ip.readUInt8(6),
      ttl: ip.readUInt8(7),
      ecn: (ip.readUInt8(1) >> 4) & 3,
      fragment: false,
    }
  }
  if (ip.readUInt8(0) !== 0x45) return undefined
  return {
    src: ipFromBytes(ip.subarray(12, 16)),
    dst: ipFromBytes(ip.subarray(16, 20)),
    protocol: ip.readUInt8(9),
    ttl: ip.readUInt8(8),
    ecn: ip.readUInt8(1) & 3,
    fragment: (ip.readUInt16BE(6) & 0x3fff) !== 0,
  }
}

function readIp(frame: Buffer, at: number, type: number): Read | Reason {
  const family = familyOfType(type)
  if (!family) return 'reason_outside'
  const ip = readAddresses(frame, at, family)
  if (!ip) return 'reason_header'
  if (ip.fragment) return 'reason_fragment'
  // They would be taken for the IPv4 addresses in them.
  if (family === 6 && [8, 24].some((of) => isMapped(frame.subarray(at + of)))) return 'reason_header'
  const header = family === 4 ? 20 : 40
  const transport = readTransport(frame.subarray(at + header), ip.protocol, family)
  return transport ? { ...ip, ...transport, headerBytes: header + transport.headerBytes } : 'reason_header'
}

const isMapped = (address: Buffer): boolean =>
  address.readBigUInt64BE(0) === 0n && address.readUInt32BE(8) === 0xffff

type Transport = Pick<Read, 'ports' | 'flags' | 'headerBytes' | 'error' | 'echo'>

function readTransport(l4: Buffer, protocol: number, family: 4 | 6): Transport | undefined {
  if (protocol === TCP && l4.length >= 20) {
    const headerBytes = (l4.readUInt8(12) >> 4) * 4
    return { ports: portsOf(l4), flags: l4.readUInt8(13), headerBytes, error: false }
  }
  if (l4.length < 8) return undefined
  if (protocol === UDP) return { ports: portsOf(l4), flags: 0, headerBytes: 8, error: false }
  if (protocol !== ICMP[family]) return undefined
  const type = l4.readUInt8(0)
  const error = ERRORS[family].some((t) => t === type)
  if (!error && !ECHOES[family].some((t) => t === type)) return undefined
  const id = l4.readUInt16BE(4)
  const echo = type === REQUEST[family] ? 'asked' : 'answered'
  return { ports: [id, id], flags: 0, headerBytes: 8, error, ...(error ? {} : { echo }) }
}

const portsOf = (l4: Buffer): [number, number] => [l4.readUInt16BE(0), l4.readUInt16BE(2)]

/** What an ICMP error at `offset` quotes. */
export function readQuoted(
  frame: Buffer,
  offset: number,
): Pick<Read, 'src' | 'dst' | 'protocol' | 'ports'> | Reason {
  const family = frame.readUInt8(offset) >> 4 === 6 ? 6 : 4
  const header = family === 4 ? 20 : 40
  const quoted = frame.subarray(offset + header + 8)
  const first = quoted.length > 0 ? quoted.readUInt8(0) : 0
  if (family === 4 && first !== 0x45) return 'reason_header'
  if (quoted.length < 10) return 'reason_header'
  if (family === 4 && (quoted.readUInt16BE(6) & 0x1fff) !== 0) return 'reason_fragment'
  if (quoted.length < header) return 'reason_header'
  const protocol = quoted.readUInt8(family === 4 ? 9 : 6)
  const l4 = quoted.subarray(header)
  const isEcho = protocol === ICMP[4] || protocol === ICMP[6]
  if (!isEcho && protocol !== TCP && protocol !== UDP) return 'reason_header'
  if (l4.length < (isEcho ? 8 : 4)) return 'reason_header'
  const id = isEcho ? l4.readUInt16BE(4) : 0
  return {
    src: ipFromBytes(quoted.subarray(family === 4 ? 12 : 8, family === 4 ? 16 : 24)),
    dst: ipFromBytes(quoted.subarray(family === 4 ? 16 : 24, family === 4 ? 20 : 40)),
    protocol,
    ports: isEcho ? [id, id] : portsOf(l4),
  }
}
