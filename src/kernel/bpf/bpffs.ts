// The file system whose names keep BPF objects alive (bpffs, usually /sys/fs/bpf). Not every machine has it mounted.

import { existsSync, mkdirSync, statfsSync } from 'node:fs'
import { ok, type Result } from '../../base/result.ts'
import { call } from '../syscalls.ts'
import { bpfFault, cString } from './command.ts'

const BPF_FS_MAGIC = 0xcafe4a11

/** Whether pins can be made in this folder. */
export const isBpffs = (folder: string): boolean =>
  existsSync(folder) && statfsSync(folder).type === BPF_FS_MAGIC

/** Mounts one at `root` if there is none, and makes the folder `inside` on it (a plain name). Its path. */
export function ensureBpffs(root: string, inside: string): Result<string> {
  if (!isBpffs(root)) {
    mkdirSync(root, { recursive: true })
    const done = call('mount', cString('bpffs'), cString(root), cString('bpf'), 0, cString('mode=0700'))
    if (done < 0) return bpfFault(`folder ${root}`, 'a bpffs mounted on it', -done, 'mount it by hand')
  }
  const path = `${root}/${inside}`
  mkdirSync(path, { recursive: true, mode: 0o700 })
  return ok(path)
}
