// The probes of a check, each one question to one address from inside one namespace. Each answers undefined when all
// is well, and otherwise says why not.

import { randomBytes } from 'node:crypto'
import { familyOf, type Ip } from '../../base/ip.ts'
import { errnoName } from '../../kernel/errno.ts'
import { withNetns } from '../../kernel/netns.ts'
import { addressFamily, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM, socketAddress } from '../sockets.ts'
import { connectText, ProbeSocket, silenceText } from './probe_socket.ts'

export type Why = string | undefined

/** For one answer; a packet that is lost is a failure, not a reason to ask again. */
const TIMEOUT_MS = 1000
const EMSGSIZE = 90
const IPPROTO_ICMP = 1
const IPPROTO_ICMPV6 = 58
const SOL_IP = 0
const SOL_IPV6 = 41
const IP_MTU_DISCOVER = 10
const IPV6_MTU_DISCOVER = 23
/** DF on every packet, and no heed of what the kernel believes of the path: only the device's MTU counts. */
const PMTUDISC_PROBE = 3
const ECHO_REQUEST = { 4: 8, 6: 128 } as const
const ECHO_REPLY = { 4: 0, 6: 129 } as const
/** IP and UDP headers. */
const UDP_HEADERS = { 4: 28, 6: 48 } as const

const open = (netnsFd: number, to: Ip, type: number, protocol = 0): ProbeSocket =>
  withNetns(netnsFd, () => new ProbeSocket(addressFamily(to), type, protocol))

export type Latency = { readonly latencyUs: number }

/** One echo that may take its time, then the quickest of a few. */
export async function ping(netnsFd: number, to: Ip, id: number): Promise<Latency | string> {
  const family = familyOf(to)
  using socket = open(netnsFd, to, SOCK_RAW, family === 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6)
  const address = socketAddress(to, 0)
  const refused = socket.send(echoRequest(family, id, 0), address)
  if (refused) return `ICMP: ${errnoName(refused)}`
  const deadline = performance.now() + TIMEOUT_MS
  for (let isMine = false; !isMine; ) {
    const got = await socket.receive(deadline - performance.now())
    if (got.is !== 'data') return `ICMP: ${silenceText(got)}`
    isMine = isEchoReply(family, got.bytes, id, 0)
  }
  let best = Number.POSITIVE_INFINITY
  for (let n = 1; n <= 3; n++) best = Math.min(best, quickEcho(socket, family, address, id, n))
  return { latencyUs: best }
}

/** Waits without the event loop, whose other work would be counted otherwise; for two milliseconds at most. */
function quickEcho(socket: ProbeSocket, family: 4 | 6, address: Uint8Array, id: number, n: number): number {
  const request = echoRequest(family, id, n)
  const sent = performance.now()
  socket.send(request, address)
  while (performance.now() - sent < 2) {
    const got = socket.take()
    if (got?.is === 'data' && isEchoReply(family, got.bytes, id, n)) return (performance.now() - sent) * 1000
  }
  return 2000
}

function echoRequest(family: 4 | 6, id: number, sequence: number): Uint8Array {
  const out = new Uint8Array(64)
  const view = new DataView(out.buffer)
  out[0] = ECHO_REQUEST[family]
  view.setUint16(4, id)
  view.setUint16(6, sequence)
  // The kernel fills in ICMPv6's checksum (RFC 3542, 3.1).
  if (family === 4) view.setUint16(2, internetChecksum(out))
  return out
}

/** RFC 1071. */
function internetChecksum(bytes: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

/** A raw socket of IPv4 receives the IP header too. */
function isEchoReply(family: 4 | 6, packet: Uint8Array, id: number, sequence: number): boolean {
  const icmp = family === 4 ? packet.subarray(((packet[0] ?? 0) & 15) * 4) : packet
  if (icmp.length < 8 || icmp[0] !== ECHO_REPLY[family]) return false
  const view = new DataView(icmp.buffer, icmp.byteOffset)
  return view.getUint16(4) === id && view.getUint16(6) === sequence
}

/** A datagram comes back as it was. */
export async function udpEcho(netnsFd: number, to: Ip, port: number): Promise<Why> {
  const payload = randomBytes(32)
  using socket = open(netnsFd, to, SOCK_DGRAM)
  const refused = (await socket.connect(socketAddress(to, port), TIMEOUT_MS)) || socket.send(payload)
  if (refused) return `UDP: ${errnoName(refused)}`
  const got = await socket.receive(TIMEOUT_MS)
  return got.is === 'data' && payload.equals(got.bytes) ? undefined : `UDP: ${silenceText(got)}`
}

/** The server sees this client. */
export async function udpSource(
  netnsFd: number,
  to: Ip,
  port: number,
  wanted: readonly string[],
): Promise<Why> {
  using socket = open(netnsFd, to, SOCK_DGRAM)
  const refused =
    (await socket.connect(socketAddress(to, port), TIMEOUT_MS)) || socket.send(Buffer.from('who?'))
  if (refused) return `UDP: ${errnoName(refused)}`
  const got = await socket.receive(TIMEOUT_MS)
  if (got.is !== 'data') return `UDP: ${silenceText(got)}`
  return sourceWhy('UDP', Buffer.from(got.bytes).toString(), wanted)
}

export async function tcpEcho(netnsFd: number, to: Ip, port: number): Promise<Why> {
  // More than one segment, so that offloads have something to do.
  const payload = randomBytes(8192)
  using socket = open(netnsFd, to, SOCK_STREAM)
  const refused = (await socket.connect(socketAddress(to, port), TIMEOUT_MS)) || socket.send(payload)
  if (refused) return `TCP: ${connectText(refused)}`
  const parts: Uint8Array[] = []
  for (let size = 0; size < payload.length; ) {
    const got = await socket.receive(TIMEOUT_MS)
    if (got.is !== 'data' || got.bytes.length === 0) return `TCP: ${silenceText(got)} after ${size} bytes`
    parts.push(got.bytes)
    size += got.bytes.length
  }
  return payload.equals(Buffer.concat(parts)) ? undefined : 'TCP: other bytes came back'
}

/** HTTP by hand over one connection; `wanted` are the addresses of which the server must see one. */
export async function httpSource(
  netnsFd: number,
  to: Ip,
  port: number,
  wanted: readonly string[] | undefined,
): Promise<Why> {
  const host = familyOf(to) === 6 ? `[${to}]` : to
  const request = Buffer.from(`GET /check HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`)
  using socket = open(netnsFd, to, SOCK_STREAM)
  const refused = (await socket.connect(socketAddress(to, port), TIMEOUT_MS)) || socket.send(request)
  if (refused) return `HTTP: ${connectText(refused)}`
  let text = ''
  for (;;) {
    const got = await socket.receive(TIMEOUT_MS)
    if (got.is !== 'data') return `HTTP: ${silenceText(got)}`
    if (got.bytes.length === 0) break
    text += Buffer.from(got.bytes).toString()
  }
  const client = /"client":"([^"]*)"/.exec(text)?.[1]
  if (client === undefined) return `HTTP: an answer without a client: ${JSON.stringify(text.slice(0, 80))}`
  return wanted && sourceWhy('HTTP', client, wanted)
}

const sourceWhy = (what: string, seen: string, wanted: readonly string[]): Why =>
  wanted.includes(seen) ? undefined : `${what}: the server saw ${seen}, not ${wanted.join(' or ')}`

/** A packet of exactly the path's MTU goes both ways unfragmented; one byte more brings the word that it is too big. */
export async function pathMtu(netnsFd: number, to: Ip, port: number, mtuBytes: number): Promise<Why> {
  const fits = await sized(netnsFd, to, port, mtuBytes)
  if (fits !== 'came back') return `a packet of the path's MTU, ${mtuBytes} bytes: ${fits}`
  const over = await sized(netnsFd, to, port, mtuBytes + 1)
  return over === 'too big'
    ? undefined
    : `one byte more than the path's MTU ${mtuBytes}: ${over}, wanted: too big`
}

async function sized(netnsFd: number, to: Ip, port: number, bytes: number): Promise<string> {
  const family = familyOf(to)
  const payload = randomBytes(bytes - UDP_HEADERS[family])
  using socket = open(netnsFd, to, SOCK_DGRAM)
  if (family === 4) socket.option(SOL_IP, IP_MTU_DISCOVER, PMTUDISC_PROBE)
  else socket.option(SOL_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_PROBE)
  const refused = (await socket.connect(socketAddress(to, port), TIMEOUT_MS)) || socket.send(payload)
  if (refused) return refused === EMSGSIZE ? 'too big' : errnoName(refused)
  const got = await socket.receive(TIMEOUT_MS)
  if (got.is === 'error' && got.errno === EMSGSIZE) return 'too big'
  return got.is === 'data' && payload.equals(got.bytes) ? 'came back' : silenceText(got)
}
