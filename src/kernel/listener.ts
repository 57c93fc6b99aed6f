// Whether a port of the host is taken, found as any server would find it: by binding to it for a moment. Runs in the
// calling thread's network namespace.

import { familyOf, type Ip, ipBytes } from '../base/ip.ts'
import { EADDRINUSE, EADDRNOTAVAIL } from './errno.ts'
import { be16, concat } from './netlink/attribute.ts'
import { call, mustCall } from './syscalls.ts'

const AF_INET = 2
const AF_INET6 = 10
const SOCK_CLOEXEC = 0x80000
const TYPE = { tcp: 1, udp: 2, sctp: 1 } as const
const PROTOCOL = { tcp: 6, udp: 17, sctp: 132 } as const
const IPPROTO_IPV6 = 41
const IPV6_V6ONLY = 26
const SOL_SOCKET = 1
const SO_REUSEADDR = 2

/** `unusable`: an address that no server can listen on, such as a link-local one. */
export type PortState = 'free' | 'taken' | 'no-such-address' | 'unusable'

/** A port in TIME_WAIT counts as free (SO_REUSEADDR), a listener as taken. */
export function probePort(protocol: keyof typeof TYPE, ip: Ip, port: number): PortState {
  const six = familyOf(ip) === 6
  const fd = call('socket', six ? AF_INET6 : AF_INET, TYPE[protocol] | SOCK_CLOEXEC, PROTOCOL[protocol])
  // A protocol that the kernel does not have cannot be listened on.
  if (fd < 0) return 'free'
  const one = Uint8Array.of(1, 0, 0, 0)
  // For UDP, SO_REUSEADDR would let two sockets share the port and hide the listener.
  if (protocol !== 'udp') mustCall('setsockopt', fd, SOL_SOCKET, SO_REUSEADDR, one, 4)
  if (six) mustCall('setsockopt', fd, IPPROTO_IPV6, IPV6_V6ONLY, one, 4)
  const address = six
    ? concat([Uint8Array.of(AF_INET6, 0), be16(port), new Uint8Array(4), ipBytes(ip), new Uint8Array(4)])
    : concat([Uint8Array.of(AF_INET, 0), be16(port), ipBytes(ip), new Uint8Array(8)])
  let bound = call('bind', fd, address, address.length)
  if (bound === 0 && protocol !== 'udp') bound = call('listen', fd, 1)
  call('close', fd)
  if (bound === 0) return 'free'
  if (bound === -EADDRINUSE) return 'taken'
  if (bound === -EADDRNOTAVAIL) return 'no-such-address'
  // A pod may ask for any address: no answer of the kernel to that is a bug.
  return 'unusable'
}
