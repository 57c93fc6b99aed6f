// The place on a node where one container runtime keeps everything: its own /run, /var/lib, /dev/shm and processes.
// So runtimes run with their default folders, several on one machine do not meet, and all ends with the cell.

import { readdir, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type CommandOptions, runCommand, waitFor } from './command.ts'
import { type Enter, holdNamespaces } from './namespaces.ts'

/** A machine, as a container runtime sees it; /etc/cni/net.d and /opt/cni/bin are the node's own. */
export type RuntimeNode = {
  readonly name: string
  /** An address at which the other nodes reach it. */
  readonly address: string
  readonly enter: Enter
}

export type Cell = {
  readonly node: RuntimeNode
  /** The parent cgroup for everything that the runtime starts, beginning with a slash. */
  readonly cgroup: string
  readonly enter: Enter
  readonly run: (argv: readonly string[], options?: CommandOptions) => Promise<string>
  readonly write: (path: string, content: string) => Promise<void>
  readonly close: () => Promise<void>
}

// The agent's socket is the one thing in /run that the node and a runtime share: the CNI program speaks to it.
const setup = `
  mount -t tmpfs cell /mnt
  if [ -d /run/podlane ]; then mkdir /mnt/podlane; mount --rbind /run/podlane /mnt/podlane; fi
  mkdir -p /mnt/lock
  mount --rbind /mnt /run
  mount -t tmpfs cell /var/lib
  mount -t tmpfs cell /dev/shm
  mount -t proc proc /proc`

const prefix = 'podlane-test'
const hierarchies = '/sys/fs/cgroup'

/** Every cgroup of this name: one at the top (version 2), or one in each hierarchy (version 1 and hybrid). */
const cgroupFolders = async (matches: (name: string) => boolean): Promise<string[]> => {
  const tops = await readdir(hierarchies)
  const below = await Promise.all(
    tops.map(async (top) =>
      (await readdir(join(hierarchies, top)).catch(() => [])).map((name) => join(top, name)),
    ),
  )
  return [...tops, ...below.flat()]
    .filter((path) => matches(path.split('/').at(-1) ?? ''))
    .map((path) => join(hierarchies, path))
}

const removeCgroup = async (folder: string): Promise<void> => {
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    if (entry.isDirectory()) await removeCgroup(join(folder, entry.name))
  }
  // A cgroup stays busy for a moment after the last of its processes.
  await waitFor(`${folder} to be free`, () =>
    rmdir(folder).then(
      () => true,
      (fault: NodeJS.ErrnoException) => (fault.code === 'ENOENT' ? true : undefined),
    ),
  )
}

/** Cgroups are no namespace: those of a test that was killed stay until the next one. */
const removeForgottenCgroups = async (): Promise<void> => {
  const processes = new Set(await readdir('/proc'))
  const forgotten = await cgroupFolders(
    (name) => name.startsWith(`${prefix}-`) && !processes.has(name.split('-')[2] ?? ''),
  )
  await Promise.all(forgotten.map(removeCgroup))
}

let opened = 0

/** `prepare` puts in what the runtime needs; when it fails the cell is gone again. */
export const openCell = async (
  node: RuntimeNode,
  prepare: (cell: Cell) => Promise<void> = async () => undefined,
): Promise<Cell> => {
  if (opened === 0) await removeForgottenCgroups()
  opened += 1
  const name = `${prefix}-${process.pid}-${opened}`
  const held = await holdNamespaces(node.enter, ['mount', 'pid'], setup)
  const run = (argv: readonly string[], options?: CommandOptions) => runCommand(held.enter(argv), options)
  const cell: Cell = {
    node,
    cgroup: `/${name}`,
    enter: held.enter,
    run,
    write: async (path, content) => {
      await run(['sh', '-c', 'cat >"$1"', 'sh', path], { input: content })
    },
    close: async () => {
      await held.close()
      await Promise.all((await cgroupFolders((folder) => folder === name)).map(removeCgroup))
    },
  }
  try {
    await prepare(cell)
  } catch (fault) {
    await cell.close()
    throw fault
  }
  return cell
}
