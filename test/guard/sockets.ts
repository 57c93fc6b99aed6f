// Sockets of a namespace, by system calls: a test holds both ends of a conversation in one thread.

import { familyOf, type Ip, ipBytes, ipFromBytes } from '../../src/base/ip.ts'
import { EAGAIN, errnoName } from '../../src/kernel/errno.ts'
import { be16, concat, u32 } from '../../src/kernel/netlink/attribute.ts'
import { getLinkByName, parseLink } from '../../src/kernel/netlink/link.ts'
import { call, mustCall } from '../../src/kernel/syscalls.ts'
import type { TestNamespace } from '../namespaces.ts'

const AF = { 4: 2, 6: 10 } as const
const AF_PACKET = 17
const SOCK = { tcp: 1, udp: 2, raw: 3 } as const
const CLOEXEC_NONBLOCK = 0x80000 | 0x800
const EINPROGRESS = 115
const SOL_SOCKET = 1
const SO_REUSEADDR = 2
const SO_BROADCAST = 6
const IPPROTO_TCP = 6
const TCP_MAXSEG = 2
const TCP_INFO = 11

export type Address = { readonly ip: Ip; readonly port: number }

export const sockaddr = ({ ip, port }: Address): Uint8Array =>
  familyOf(ip) === 4
    ? concat([Uint8Array.of(AF[4], 0), be16(port), ipBytes(ip), new Uint8Array(8)])
    : concat([Uint8Array.of(AF[6], 0), be16(port), new Uint8Array(4), ipBytes(ip), new Uint8Array(4)])

const addressOf = (bytes: Uint8Array): Address => {
  const port = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0)
  return { ip: ipFromBytes(bytes[0] === AF[4] ? bytes.slice(4, 8) : bytes.slice(8, 24)), port }
}

/** Puts one frame on an interface as it is. */
export function sendFrame(ns: TestNamespace, ifName: string, bytes: Uint8Array): void {
  const read = ns.route.request(getLinkByName(ifName))
  if (!read.ok || !read.replies[0]) throw new Error(`no interface ${ifName}`)
  const { index } = parseLink(read.replies[0])
  const fd = ns.inside(() => mustCall('socket', AF_PACKET, SOCK.raw, 0))
  const to = concat([Uint8Array.of(AF_PACKET, 0, 0, 0), u32(index), new Uint8Array(12)])
  mustCall('sendto', fd, bytes, bytes.length, 0, to, to.length)
  call('close', fd)
}

export type Datagram = { readonly from: Address; readonly data: string }

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Tries until there is something or the time is over; virtual links deliver within the sending call, timers do not. */
async function soon<T>(look: () => T | undefined, ms = 300): Promise<T | undefined> {
  for (let waited = 0; ; waited += 5) {
    const found = look()
    if (found !== undefined || waited >= ms) return found
    await pause(5)
  }
}

export class Udp {
  readonly fd: number
  constructor(ns: TestNamespace, at: Address) {
    this.fd = ns.inside(() => mustCall('socket', AF[familyOf(at.ip)], SOCK.udp | CLOEXEC_NONBLOCK, 0))
    mustCall('setsockopt', this.fd, SOL_SOCKET, SO_BROADCAST, u32(1), 4)
    const address = sockaddr(at)
    mustCall('bind', this.fd, address, address.length)
  }

  /** An errno as its name, or undefined. */
  send(to: Address, data: string): string | undefined {
    const address = sockaddr(to)
    const n = call('sendto', this.fd, Buffer.from(data), Buffer.byteLength(data), 0, address, address.length)
    return n < 0 ? errnoName(-n) : undefined
  }

  receive(ms?: number): Promise<Datagram | undefined> {
    return soon(() => this.#take(), ms)
  }

  #take(): Datagram | undefined {
    const data = Buffer.alloc(65_536)
    const from = new Uint8Array(28)
    const length = u32(28)
    const n = call('recvfrom', this.fd, data, data.length, 0, from, length)
    return n < 0 ? undefined : { from: addressOf(from), data: data.subarray(0, n).toString('latin1') }
  }

  [Symbol.dispose](): void {
    call('close', this.fd)
  }
}

export class Tcp {
  readonly fd: number
  readonly peer: Address | undefined
  constructor(fd: number, peer?: Address) {
    this.fd = fd
    this.peer = peer
  }

  /** Takes as much as fits. */
  write(data: string): number {
    return call('sendto', this.fd, Buffer.from(data), Buffer.byteLength(data), 0x4000, null, 0)
  }

  async read(ms?: number): Promise<string | undefined> {
    const data = Buffer.alloc(1 << 20)
    return soon(() => {
      const n = call('recvfrom', this.fd, data, data.length, 0, null, null)
      if (n === -EAGAIN) return undefined
      return n < 0 ? errnoName(-n) : data.subarray(0, n).toString('latin1')
    }, ms)
  }

  /** The size of segment that this end sends. */
  get segmentBytes(): number {
    const value = new Uint8Array(4)
    mustCall('getsockopt', this.fd, IPPROTO_TCP, TCP_MAXSEG, value, u32(4))
    return new DataView(value.buffer).getUint32(0, true)
  }

  /** ESTABLISHED, as the kernel's TCP_INFO says. */
  get established(): boolean {
    const info = new Uint8Array(104)
    mustCall('getsockopt', this.fd, IPPROTO_TCP, TCP_INFO, info, u32(104))
    return info[0] === 1
  }

  [Symbol.dispose](): void {
    call('close', this.fd)
  }
}

export class TcpListener {
  readonly fd: number
  constructor(ns: TestNamespace, at: Address) {
    this.fd = ns.inside(() => mustCall('socket', AF[familyOf(at.ip)], SOCK.tcp | CLOEXEC_NONBLOCK, 0))
    mustCall('setsockopt', this.fd, SOL_SOCKET, SO_REUSEADDR, u32(1), 4)
    const address = sockaddr(at)
    mustCall('bind', this.fd, address, address.length)
    mustCall('listen', this.fd, 16)
  }

  accept(ms?: number): Promise<Tcp | undefined> {
    return soon(() => {
      const from = new Uint8Array(28)
      const fd = call('accept4', this.fd, from, u32(28), CLOEXEC_NONBLOCK)
      return fd < 0 ? undefined : new Tcp(fd, addressOf(from))
    }, ms)
  }

  [Symbol.dispose](): void {
    call('close', this.fd)
  }
}

/** Undefined if the connection does not come about. */
export async function connectTcp(
  ns: TestNamespace,
  to: Address,
  from?: Address,
  ms?: number,
): Promise<Tcp | undefined> {
  const fd = ns.inside(() => mustCall('socket', AF[familyOf(to.ip)], SOCK.tcp | CLOEXEC_NONBLOCK, 0))
  const tcp = new Tcp(fd)
  if (from) {
    const own = sockaddr(from)
    mustCall('setsockopt', fd, SOL_SOCKET, SO_REUSEADDR, u32(1), 4)
    mustCall('bind', fd, own, own.length)
  }
  const address = sockaddr(to)
  const begun = call('connect', fd, address, address.length)
  if (begun === 0 || begun === -EINPROGRESS) {
    if (await soon(() => (tcp.established ? true : undefined), ms)) return tcp
  }
  tcp[Symbol.dispose]()
  return undefined
}
