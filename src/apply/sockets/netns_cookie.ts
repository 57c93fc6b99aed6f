// The number by which the kernel knows a network namespace for as long as the machine runs: no other ever has it.
// Linux 5.14 says it of a socket (SO_NETNS_COOKIE, socket(7)).

import { fault, ok, type Result } from '../../base/result.ts'
import { closeFd } from '../../kernel/bpf/command.ts'
import { errnoName } from '../../kernel/errno.ts'
import { withNetns } from '../../kernel/netns.ts'
import { call, mustCall } from '../../kernel/syscalls.ts'

const AF_UNIX = 1
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000
const SOL_SOCKET = 1
const SO_NETNS_COOKIE = 71

export function netnsCookie(netnsFd: number): Result<bigint> {
  const fd = withNetns(netnsFd, () => mustCall('socket', AF_UNIX, SOCK_DGRAM_CLOEXEC, 0))
  const value = Buffer.alloc(8)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(value.length)
  const done = call('getsockopt', fd, SOL_SOCKET, SO_NETNS_COOKIE, value, length)
  closeFd(fd)
  if (done === 0) return ok(value.readBigUInt64LE())
  return fault('kernel', 'network namespace', 'its cookie', errnoName(-done), 'this needs Linux 5.14')
}
