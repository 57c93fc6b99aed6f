// Where the path's work is done. Over veth the sender's core would carry a request through both nodes, so that the
// generator would slow down with what it loads. Receive packet steering at the host's end of the client pod's interface
// hands each request over to the path's cores, as a NIC's interrupt would.

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { fault, ok, type Result } from '../../base/result.ts'
import { enterNode } from '../enter.ts'
import type { Ends } from './ends.ts'

/** @param cores none: as it was before */
export async function steer({ from }: Ends, cores: readonly number[]): Promise<Result<void>> {
  const mask = cores.reduce((bits, cpu) => bits | (1n << BigInt(cpu)), 0n).toString(16)
  const file = `/sys/class/net/${from.hostInterface}/queues/rx-0/rps_cpus`
  // Of a namespace's devices only a sysfs that was mounted in it tells.
  const script = `mount -t sysfs sysfs /sys && echo ${mask} > ${file}`
  const argv = enterNode(from.node, ['unshare', '--mount', 'sh', '-c', script])
  if (!argv.ok) return argv
  const [program = '', ...args] = argv.value
  try {
    await promisify(execFile)(program, args)
    return ok(undefined)
  } catch (error) {
    return fault('bench', file, `cores ${mask}`, String(error), 'see «podlane lab status»')
  }
}
