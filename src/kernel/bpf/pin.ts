// Pins: names in a bpffs that keep an object alive without a process, and give it back after a restart.

import { readlinkSync } from 'node:fs'
import { fault, ok, type Result } from '../../base/result.ts'
import { EEXIST, ENOENT, errnoName } from '../errno.ts'
import { Attr, BPF, bpf, bpfFault, closeFd, cString } from './command.ts'

export type PinnedKind = 'map' | 'prog' | 'link'

/** The path must be on a bpffs and free. */
export function pinObject(fd: number, path: string): Result<void> {
  const done = bpf(BPF.OBJ_PIN, new Attr(24).pointer(0, cString(path)).u32(8, fd))
  if (done === 0) return ok(undefined)
  return bpfFault(
    `pin ${path}`,
    'the object under this name',
    -done,
    done === -EEXIST ? 'remove the pin that is there first' : 'see that the folder is on a bpffs',
  )
}

/** A descriptor of what is pinned; undefined if nothing is; a fault if it is something else. */
export function openPinned(kind: PinnedKind, path: string): Result<number | undefined> {
  const fd = bpf(BPF.OBJ_GET, new Attr(24).pointer(0, cString(path)))
  if (fd === -ENOENT) return ok(undefined)
  if (fd < 0) return fault('bpf', `pin ${path}`, `a ${kind}`, errnoName(-fd), 'look at the file')
  const is = readlinkSync(`/proc/self/fd/${fd}`)
  // Links are «bpf_link», maps and programs «bpf-map» and «bpf-prog».
  if (is.endsWith(`bpf-${kind}`) || is.endsWith(`bpf_${kind}`)) return ok(fd)
  closeFd(fd)
  return fault('bpf', `pin ${path}`, `a ${kind}`, is, 'remove the file if nobody needs it')
}
