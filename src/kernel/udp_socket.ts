// UDP on one device, for measuring: packets that are never cut on their way, the kernel's own times of arrival, and
// checksums or large packets as asked for each time. udp(7), socket(7), ip(7), ipv6(7); Linux uapi headers.

import { type Family, familyOf, type Ip, ipBytes } from '../base/ip.ts'
import { err, ok, type Result } from '../base/result.ts'
import { ptr } from './addon.ts'
import { be16, concat } from './netlink/attribute.ts'
import { call, mustCall } from './syscalls.ts'

const AF = { 4: 2, 6: 10 } as const
const SOCK_DGRAM = 2
const SOCK_NONBLOCK = 0o4000
const SOCK_CLOEXEC = 0o2000000
const MSG_DONTWAIT = 0x40
const SOL_SOCKET = 1
const SO_NO_CHECK = 11
const SO_BINDTODEVICE = 25
const SO_TIMESTAMPNS = 35
const IPPROTO_IP = 0
const IP_MTU_DISCOVER = 10
const IPPROTO_IPV6 = 41
const IPV6_MTU_DISCOVER = 23
const IPV6_V6ONLY = 26
const IPV6_DONTFRAG = 62
/** DF is set, and what the kernel believes of the path's MTU does not count. */
const PMTUDISC_PROBE = 3
const SOL_UDP = 17
const UDP_NO_CHECK6_TX = 101
const UDP_NO_CHECK6_RX = 102
const UDP_SEGMENT = 103
const CLOCK_REALTIME = 0

/** IP and UDP headers, of a packet's size. */
export const udpHeaderBytes = (family: Family): number => (family === 4 ? 20 : 40) + 8

export type Time = { readonly seconds: number; readonly nanoseconds: number }
export type Datagram = {
  /** As `addressKey` has it. */
  readonly from: string
  readonly port: number
  /** A view that lasts until the next one is received. */
  readonly bytes: Buffer
  /** When the kernel had it, by CLOCK_REALTIME. */
  readonly at: Time
}
declare const destinationBrand: unique symbol
/** A socket address; made once, since texts of addresses cost more than a packet. */
export type Destination = Uint8Array & { readonly [destinationBrand]: true }
export type SendOptions = {
  readonly isUnsummed?: boolean
  /** The kernel, or the network card, cuts what is sent into datagrams of so many bytes. */
  readonly segmentBytes?: number
}
export type UdpSocket = {
  readonly fd: number
  readonly family: Family
  /** 0, or an errno such as EMSGSIZE or ENETUNREACH. */
  readonly send: (to: Destination, bytes: Uint8Array, options?: SendOptions) => number
  /** To where the last datagram came from that this thread received. */
  readonly reply: (bytes: Uint8Array, options?: SendOptions) => number
  readonly receive: () => Datagram | undefined
  readonly close: () => void
}

/** The calling thread's network namespace; an error is the errno of what was refused. */
export function openUdpSocket(device: string, family: Family, port: number): Result<UdpSocket, number> {
  const fd = call('socket', AF[family], SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
  if (fd < 0) return err(-fd)
  const failed = (code: number): Result<never, number> => {
    call('close', fd)
    return err(-code)
  }
  const name = Buffer.from(`${device}\0`)
  const isBound = call('setsockopt', fd, SOL_SOCKET, SO_BINDTODEVICE, name, name.length)
  if (isBound < 0) return failed(isBound)
  prepare(fd, family)
  const any = address(family, new Uint8Array(family === 4 ? 4 : 16), port)
  const bound = call('bind', fd, any, any.length)
  if (bound < 0) return failed(bound)
  const close = (): void => {
    call('close', fd)
  }
  const { data, structs } = space()
  const send = sender(fd, family)
  const reply: UdpSocket['reply'] = (bytes, options) =>
    send(structs.subarray(NAME, NAME + any.length), bytes, options)
  return ok({ fd, family, send, reply, receive: receiver(fd, data, structs), close })
}

function prepare(fd: number, family: Family): void {
  setOption(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1)
  if (family === 4) {
    setOption(fd, IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_PROBE)
    return
  }
  setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)
  setOption(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_PROBE)
  setOption(fd, IPPROTO_IPV6, IPV6_DONTFRAG, 1)
  setOption(fd, SOL_UDP, UDP_NO_CHECK6_RX, 1)
}

const optionBytes = Buffer.alloc(4)
function setOption(fd: number, level: number, name: number, value: number): void {
  optionBytes.writeInt32LE(value)
  mustCall('setsockopt', fd, level, name, optionBytes, 4)
}

/** The options hold for one send only: a socket for each would be a port for each. */
type Send = (to: Uint8Array, bytes: Uint8Array, options?: SendOptions) => number
function sender(fd: number, family: Family): Send {
  const unsummed = (value: number): void =>
    family === 4
      ? setOption(fd, SOL_SOCKET, SO_NO_CHECK, value)
      : setOption(fd, SOL_UDP, UDP_NO_CHECK6_TX, value)
  return (to, bytes, { isUnsummed = false, segmentBytes = 0 } = {}) => {
    if (isUnsummed) unsummed(1)
    if (segmentBytes > 0) setOption(fd, SOL_UDP, UDP_SEGMENT, segmentBytes)
    const sent = call('sendto', fd, bytes, bytes.length, MSG_DONTWAIT, to, to.length)
    if (isUnsummed) unsummed(0)
    if (segmentBytes > 0) setOption(fd, SOL_UDP, UDP_SEGMENT, 0)
    return sent < 0 ? -sent : 0
  }
}

export const destination = (ip: Ip, port: number): Destination =>
  address(familyOf(ip), ipBytes(ip), port) as Destination

/** An address as a key: its bytes, each a character. */
export const addressKey = (ip: Ip): string => Buffer.from(ipBytes(ip)).toString('latin1')

/** struct sockaddr_in or sockaddr_in6. */
function address(family: Family, ip: Uint8Array, port: number): Uint8Array {
  const head = concat([Uint8Array.of(AF[family], 0), be16(port)])
  return family === 4
    ? concat([head, ip, new Uint8Array(8)])
    : concat([head, new Uint8Array(4), ip, new Uint8Array(4)])
}

/** Offsets in the receiver's block of structs: struct msghdr (56), struct iovec (16), the sender, control messages. */
const NAME_LENGTH = 8
const CONTROL_LENGTH = 40
const IOVEC = 56
const NAME = 72
const CONTROL = 104
const NAME_SIZE = 32
const CONTROL_SIZE = 64
const CMSG_HEADER = 16

/** BOUNDED: one buffer for all sockets of a thread; a datagram is read before the next one comes. */
let shared: { data: Buffer; structs: Buffer } | undefined

const space = (): { data: Buffer; structs: Buffer } => {
  shared ??= layOut()
  return shared
}

function receiver(fd: number, data: Buffer, structs: Buffer): UdpSocket['receive'] {
  return () => {
    structs.writeUInt32LE(NAME_SIZE, NAME_LENGTH)
    structs.writeBigUInt64LE(BigInt(CONTROL_SIZE), CONTROL_LENGTH)
    const n = call('recvmsg', fd, structs, MSG_DONTWAIT)
    if (n < 0) return undefined
    const isSix = structs.readUInt16LE(NAME) === AF[6]
    return {
      from: isSix
        ? structs.toString('latin1', NAME + 8, NAME + 24)
        : structs.toString('latin1', NAME + 4, NAME + 8),
      port: structs.readUInt16BE(NAME + 2),
      bytes: data.subarray(0, n),
      at: stamp(structs) ?? realTime(),
    }
  }
}

function layOut(): { data: Buffer; structs: Buffer } {
  const data = Buffer.alloc(65_536)
  const structs = Buffer.alloc(CONTROL + CONTROL_SIZE)
  structs.writeBigUInt64LE(ptr(structs) + BigInt(NAME), 0)
  structs.writeBigUInt64LE(ptr(structs) + BigInt(IOVEC), 16)
  structs.writeBigUInt64LE(1n, 24)
  structs.writeBigUInt64LE(ptr(structs) + BigInt(CONTROL), 32)
  structs.writeBigUInt64LE(ptr(data), IOVEC)
  structs.writeBigUInt64LE(BigInt(data.length), IOVEC + 8)
  return { data, structs }
}

/** The one control message that was asked for: SCM_TIMESTAMPNS, a struct timespec. */
function stamp(structs: Buffer): Time | undefined {
  const length = Number(structs.readBigUInt64LE(CONTROL_LENGTH))
  if (length < CMSG_HEADER + 16) return undefined
  if (structs.readInt32LE(CONTROL + 8) !== SOL_SOCKET) return undefined
  if (structs.readInt32LE(CONTROL + 12) !== SO_TIMESTAMPNS) return undefined
  return timespec(structs, CONTROL + CMSG_HEADER)
}

/** Seconds fit 32 bits until 2106. */
const timespec = (bytes: Buffer, at: number): Time => ({
  seconds: bytes.readUInt32LE(at),
  nanoseconds: bytes.readUInt32LE(at + 8),
})

const clockBytes = Buffer.alloc(16)
/** The clock by which the kernel stamps what arrives. */
export function realTime(): Time {
  mustCall('clock_gettime', CLOCK_REALTIME, clockBytes)
  return timespec(clockBytes, 0)
}

/** ifreq: the name (16 bytes), then the index. Undefined: there is no such device. */
const SIOCGIFINDEX = 0x8933
export function deviceIndex(device: string): number | undefined {
  const fd = mustCall('socket', AF[4], SOCK_DGRAM | SOCK_CLOEXEC, 0)
  const request = Buffer.alloc(40)
  request.write(device.slice(0, 15))
  const found = call('ioctl', fd, SIOCGIFINDEX, request)
  call('close', fd)
  return found < 0 ? undefined : request.readInt32LE(16)
}
