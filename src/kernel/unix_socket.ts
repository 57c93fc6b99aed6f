// Unix stream sockets that carry file descriptors, which Node's own cannot: listen, accept, receive with SCM_RIGHTS,
// send. All non-blocking; every descriptor is close-on-exec. unix(7), cmsg(3).

import { chmodSync, closeSync, lstatSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { fault, ok, type Result } from '../base/result.ts'
import { ptr } from './addon.ts'
import { EAGAIN, EINTR, ENOENT, errnoName } from './errno.ts'
import { call, mustCall } from './syscalls.ts'

const AF_UNIX = 1
const SOCK_STREAM = 1
const SOCK_NONBLOCK = 0o4000
const SOCK_CLOEXEC = 0o2000000
const SOL_SOCKET = 1
const SCM_RIGHTS = 1
const MSG_DONTWAIT = 0x40
const MSG_NOSIGNAL = 0x4000
const MSG_CMSG_CLOEXEC = 0x40000000
const LOCK_EX = 2
const LOCK_NB = 4
const ECONNREFUSED = 111
const BACKLOG = 4096
/** `sun_path` with its final NUL. */
const PATH_SIZE = 108
/** struct cmsghdr: length (8), level (4), type (4). */
const CMSG_HEADER = 16
/** Offsets in the receiver's block of structs. */
const CONTROL_LENGTH = 40
const IOVEC = 56
const CONTROL = 72
/** The kernel passes at most this many in one message (SCM_MAX_FD). */
const MOST_FDS = 253

export type Listener = {
  readonly fd: number
  /** Removes the socket, if the path still leads to ours, and lets the next one listen. */
  readonly close: () => void
}

/**
 * Listens at `path`, mode 0600, in a folder that is made with mode 0700 if it is not there. A socket that nobody
 * serves any more is replaced, atomically; one that is served, or another kind of file, is a fault.
 */
export function listenUnix(path: string): Result<Listener> {
  const beside = `${path}.new`
  if (Buffer.byteLength(beside) >= PATH_SIZE)
    return fault('bad-config', `socket ${path}`, 'at most 103 bytes', 'a longer path', 'choose a shorter one')
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const lock = openSync(`${path}.lock`, 'a', 0o600)
  const busy = call('flock', lock, LOCK_EX | LOCK_NB) < 0 ? 'another agent holds its lock' : obstacle(path)
  if (busy) {
    closeSync(lock)
    return fault('exists', `socket ${path}`, 'a path that nobody serves', busy, 'stop the other process')
  }
  rmSync(beside, { force: true })
  const fd = mustCall('socket', AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
  mustCall('bind', fd, address(beside), PATH_SIZE + 2)
  chmodSync(beside, 0o600)
  mustCall('listen', fd, BACKLOG)
  const { ino } = lstatSync(beside)
  renameSync(beside, path)
  const close = (): void => {
    if (lstatSync(path, { throwIfNoEntry: false })?.ino === ino) rmSync(path, { force: true })
    closeSync(fd)
    closeSync(lock)
  }
  return ok({ fd, close })
}

/** Why the path is not free to take, if it is not. */
function obstacle(path: string): string | undefined {
  const file = lstatSync(path, { throwIfNoEntry: false })
  if (!file) return undefined
  if (!file.isSocket()) return 'a file that is no socket'
  const fd = mustCall('socket', AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
  const answer = call('connect', fd, address(path), PATH_SIZE + 2)
  closeSync(fd)
  return answer === -ECONNREFUSED || answer === -ENOENT ? undefined : 'another process listens there'
}

function address(path: string): Buffer {
  const sockaddr = Buffer.alloc(PATH_SIZE + 2)
  sockaddr.writeUInt16LE(AF_UNIX, 0)
  sockaddr.write(path, 2)
  return sockaddr
}

/** The next connection's descriptor, undefined if none waits, or an errno (out of descriptors or memory). */
export function acceptUnix(listener: number): Result<number | undefined, number> {
  for (;;) {
    const fd = call('accept4', listener, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC)
    if (fd >= 0) return ok(fd)
    if (fd === -EAGAIN) return ok(undefined)
    // A client that gave up in the queue (ECONNABORTED) is no reason to stop accepting.
    if (fd !== -EINTR && fd !== -103) return { ok: false, error: -fd }
  }
}

export type Received =
  | { readonly state: 'data'; readonly bytes: Buffer; readonly fds: readonly number[] }
  | { readonly state: 'wait' }
  | { readonly state: 'end' }

export type Receiver = {
  /** What has arrived. `bytes` is a view that lasts until the next call; the descriptors are the caller's to close. */
  readonly receive: (fd: number) => Received
}

/** One per thread, for any number of sockets: the kernel's structs are laid out once. */
export function createReceiver(size = 65_536): Receiver {
  const data = Buffer.alloc(size)
  // One buffer for all structs that point at each other, and `receive` holds it: a struct of its own that only the
  // kernel's pointer still knows would be collected. struct msghdr (56 bytes: name, namelen, iov, iovlen, control,
  // controllen, flags), struct iovec (16), then the control messages.
  const structs = Buffer.alloc(CONTROL + CMSG_HEADER + 4 * MOST_FDS + 4)
  structs.writeBigUInt64LE(ptr(structs) + BigInt(IOVEC), 16)
  structs.writeBigUInt64LE(1n, 24)
  structs.writeBigUInt64LE(ptr(structs) + BigInt(CONTROL), 32)
  structs.writeBigUInt64LE(ptr(data), IOVEC)
  structs.writeBigUInt64LE(BigInt(size), IOVEC + 8)
  const receive = (fd: number): Received => {
    structs.writeBigUInt64LE(BigInt(structs.length - CONTROL), CONTROL_LENGTH)
    const n = call('recvmsg', fd, structs, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)
    if (n === -EAGAIN || n === -EINTR) return { state: 'wait' }
    if (n <= 0) return { state: 'end' }
    const length = Number(structs.readBigUInt64LE(CONTROL_LENGTH))
    const fds = descriptors(structs.subarray(CONTROL, CONTROL + length))
    return { state: 'data', bytes: data.subarray(0, n), fds }
  }
  return { receive }
}

function descriptors(control: Buffer): number[] {
  const fds: number[] = []
  for (let at = 0; at + CMSG_HEADER <= control.length; ) {
    const length = Number(control.readBigUInt64LE(at))
    if (length < CMSG_HEADER) break
    const end = Math.min(at + length, control.length)
    if (control.readInt32LE(at + 8) === SOL_SOCKET && control.readInt32LE(at + 12) === SCM_RIGHTS)
      for (let fd = at + CMSG_HEADER; fd + 4 <= end; fd += 4) fds.push(control.readInt32LE(fd))
    at += (length + 7) & ~7
  }
  return fds
}

/** Bytes taken, 0 if the socket is full for now; undefined if the peer is gone. */
export function sendUnix(fd: number, bytes: Buffer): number | undefined {
  const n = call('sendto', fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL, null, 0)
  if (n >= 0) return n
  return n === -EAGAIN || n === -EINTR ? 0 : undefined
}

export const acceptFailure = (errno: number): string => `accept4: ${errnoName(errno)}`
