// What a node sees differently from its host: private folders and a BPF file system of its own. For a process that
// is alone in a new mount namespace; everything goes when the last process of the namespace ends.

import { readFileSync, writeFileSync } from 'node:fs'
import { mustCall } from '../../kernel/syscalls.ts'
import { BPF_FOLDER, privateFolders } from '../paths.ts'

const MS_BIND = 0x1000
const MNT_DETACH = 2

const cString = (text: string): Buffer => Buffer.from(`${text}\0`)

export function mountNode(node: string): void {
  // Copies of other namespaces' mounts would keep those alive after their owners have removed them.
  for (const at of namespaceMounts(readFileSync('/proc/self/mountinfo', 'utf8')))
    mustCall('umount2', cString(at), MNT_DETACH)
  for (const { from, at } of privateFolders(node))
    mustCall('mount', cString(from), cString(at), cString('none'), MS_BIND, null)
  mustCall('mount', cString('bpf'), cString(BPF_FOLDER), cString('bpf'), 0, cString('mode=0700'))
  // Of this UTS namespace.
  writeFileSync('/proc/sys/kernel/hostname', node)
}

/** Where network namespaces are bound (proc_pid_mountinfo(5)): fields 5 and, after the dash, the type. */
export function namespaceMounts(mountinfo: string): readonly string[] {
  return mountinfo.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ')
    const at = before.split(' ')[4]
    return after.startsWith('nsfs ') && at !== undefined ? [unescaped(at)] : []
  })
}

/** Space, tab, newline and backslash stand there as three octal digits. */
const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
