// Sockets by the kernel's own calls, for places where Node's cannot be used: they are made inside another network
// namespace, within `withNetns`.

import { familyOf, type Ip, ipBytes, ipFromBytes } from '../base/ip.ts'
import { mustCall } from '../kernel/syscalls.ts'

export const AF_INET = 2
export const AF_INET6 = 10
export const SOCK_STREAM = 1
export const SOCK_DGRAM = 2
export const SOCK_RAW = 3
export const SOCK_NONBLOCK = 0x800
export const SOCK_CLOEXEC = 0x80000
const SOL_SOCKET = 1
const SO_REUSEADDR = 2
const SOL_IPV6 = 41
const IPV6_V6ONLY = 26

export const addressFamily = (ip: Ip): number => (familyOf(ip) === 4 ? AF_INET : AF_INET6)

/** struct sockaddr_in or sockaddr_in6. */
export function socketAddress(ip: Ip, port: number): Uint8Array {
  const out = new Uint8Array(familyOf(ip) === 4 ? 16 : 28)
  const view = new DataView(out.buffer)
  view.setUint16(0, addressFamily(ip), true)
  view.setUint16(2, port)
  out.set(ipBytes(ip), familyOf(ip) === 4 ? 4 : 8)
  return out
}

/** The address in a sockaddr that the kernel wrote. */
export function readSocketAddress(bytes: Uint8Array): Ip {
  const family = new DataView(bytes.buffer, bytes.byteOffset).getUint16(0, true)
  return ipFromBytes(family === AF_INET ? bytes.subarray(4, 8) : bytes.subarray(8, 24))
}

export const int = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer)

/** A TCP socket bound to the address, for whoever calls listen on it. */
export function listeningSocket(ip: Ip, port: number): number {
  const fd = mustCall('socket', addressFamily(ip), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
  mustCall('setsockopt', fd, SOL_SOCKET, SO_REUSEADDR, int(1), 4)
  if (familyOf(ip) === 6) mustCall('setsockopt', fd, SOL_IPV6, IPV6_V6ONLY, int(1), 4)
  const address = socketAddress(ip, port)
  mustCall('bind', fd, address, address.length)
  return fd
}
