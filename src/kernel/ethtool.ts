// Whether a device completes checksums that the stack leaves to it (ETHTOOL_GTXCSUM and ETHTOOL_STXCSUM, linux/ethtool.h),
// of a device in the calling thread's network namespace.

import { ptr } from './addon.ts'
import { errnoName } from './errno.ts'
import { call, mustCall } from './syscalls.ts'

const SIOCETHTOOL = 0x8946
const ETHTOOL_GTXCSUM = 0x16
const ETHTOOL_STXCSUM = 0x17
const AF_INET = 2
const SOCK_DGRAM_CLOEXEC = 0x80002
const IFREQ_BYTES = 40
const IFNAMSIZ = 16

/** Undefined: there is no such device, or it does not know the question. */
export function completesChecksums(device: string): boolean | undefined {
  const asked = ask(device, ETHTOOL_GTXCSUM, 0)
  return asked.errno === 0 ? asked.data !== 0 : undefined
}

/**
 * Switching it off takes the device's segmentation off with it: segments are cut, and their checksums made, before the
 * packet comes to the device.
 * @returns the refusal, in the kernel's words
 */
export function setCompletesChecksums(device: string, on: boolean): string | undefined {
  const { errno } = ask(device, ETHTOOL_STXCSUM, on ? 1 : 0)
  return errno === 0 ? undefined : errnoName(errno)
}

/** struct ethtool_value behind a struct ifreq. */
function ask(
  device: string,
  command: number,
  value: number,
): { readonly errno: number; readonly data: number } {
  const question = Uint32Array.of(command, value)
  const request = new Uint8Array(IFREQ_BYTES)
  request.set(Buffer.from(device).subarray(0, IFNAMSIZ - 1))
  new DataView(request.buffer).setBigUint64(IFNAMSIZ, ptr(question), true)
  const socket = mustCall('socket', AF_INET, SOCK_DGRAM_CLOEXEC, 0)
  const answer = call('ioctl', socket, SIOCETHTOOL, request)
  call('close', socket)
  return { errno: answer < 0 ? -answer : 0, data: question[1] ?? 0 }
}
