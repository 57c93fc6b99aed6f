// The BPF file system that an agent of a test has mounted for itself: everything pinned in it goes with it.

import { isBpffs } from '../src/kernel/bpf/bpffs.ts'
import { mustCall } from '../src/kernel/syscalls.ts'

const MNT_DETACH = 2

export function removeBpffs(folder: string): void {
  if (isBpffs(folder)) mustCall('umount2', Buffer.from(`${folder}\0`), MNT_DETACH)
}
