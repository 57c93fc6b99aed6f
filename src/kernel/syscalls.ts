// System call numbers per architecture (asm/unistd_64.h; asm-generic/unistd.h) and the error for an unexpected one.

import { arch } from 'node:process'
import { type SysArgument, sys } from './addon.ts'
import { errnoName } from './errno.ts'

const x64 = {
  close: 3,
  poll: 7,
  ioctl: 16,
  dup: 32,
  socket: 41,
  connect: 42,
  sendto: 44,
  recvfrom: 45,
  sendmsg: 46,
  recvmsg: 47,
  bind: 49,
  shutdown: 48,
  listen: 50,
  getsockname: 51,
  setsockopt: 54,
  getsockopt: 55,
  flock: 73,
  mount: 165,
  umount2: 166,
  openat: 257,
  unshare: 272,
  ppoll: 271,
  accept4: 288,
  eventfd2: 290,
  perf_event_open: 298,
  setns: 308,
  bpf: 321,
  kill: 62,
  clock_gettime: 228,
} as const // prettier-ignore

const arm64: { readonly [K in keyof typeof x64]: number } = {
  close: 57,
  poll: -1,
  ioctl: 29,
  dup: 23,
  socket: 198,
  connect: 203,
  sendto: 206,
  recvfrom: 207,
  sendmsg: 211,
  recvmsg: 212,
  bind: 200,
  shutdown: 210,
  listen: 201,
  getsockname: 204,
  setsockopt: 208,
  getsockopt: 209,
  flock: 32,
  mount: 40,
  umount2: 39,
  openat: 56,
  unshare: 97,
  ppoll: 73,
  accept4: 242,
  eventfd2: 19,
  perf_event_open: 241,
  setns: 268,
  bpf: 280,
  kill: 129,
  clock_gettime: 113,
} // prettier-ignore

const numbers: { readonly [K in keyof typeof x64]: number } = arch === 'arm64' ? arm64 : x64

export type Syscall = keyof typeof x64

/** The call's value, or −errno. */
export const call = (name: Syscall, ...args: readonly SysArgument[]): number => sys(numbers[name], ...args)

/** The call's value; an exception for an errno, for calls that only fail through a bug. */
export function mustCall(name: Syscall, ...args: readonly SysArgument[]): number {
  const value = call(name, ...args)
  if (value < 0) throw new Error(`${name}: ${errnoName(-value)}`)
  return value
}
