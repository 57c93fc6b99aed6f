// The root of cgroup v2: a program attached there sees the sockets of every pod, whatever a runtime names their
// cgroups. A pod's own cgroup is not told to a network plugin, and says nothing of a socket's network namespace.

import { existsSync, statfsSync } from 'node:fs'
import { fault, ok, type Result } from '../../base/result.ts'

const CGROUP2_MAGIC = 0x63677270
/** The second is where systems mount it that still have version 1 in the first. */
const PLACES = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'] as const

export function cgroupRoot(places: readonly string[] = PLACES): Result<string> {
  const mounted = places.find((p) => existsSync(p) && statfsSync(p).type === CGROUP2_MAGIC)
  if (mounted === undefined)
    return fault('kernel', 'cgroup v2', 'mounted', `none at ${places.join(', ')}`, 'mount it')
  // Only the real root has no type: in a cgroup namespace of its own a container sees its cgroup as the root.
  if (!existsSync(`${mounted}/cgroup.type`)) return ok(mounted)
  return fault(
    'kernel',
    `cgroup v2 at ${mounted}`,
    'the root of the whole host',
    'a cgroup below it',
    "give the agent's container the host's /sys/fs/cgroup and cgroup namespace",
  )
}
