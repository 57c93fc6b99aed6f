// Takes a lab down, whole or half-made, whatever of it was killed: processes, namespaces and their links, mounts,
// files. Works from what is there, not from what a record says should be.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { fault, ok, type Result } from '../base/result.ts'
import { LAB_FOLDER, netnsFile, privateFolders } from './paths.ts'
import { gone, isAlive, namespaceOf, type ProcessRecord, processesWhere, signal } from './processes.ts'
import { readProcesses, readRecord, removeLabFolder } from './record.ts'
import { removeNode, removeUnderlay, standingNamespaces } from './underlay.ts'

const PATIENCE_MS = 10_000

export type Removed = { readonly processes: number; readonly namespaces: number }

export const labLeftovers = (): boolean => existsSync(LAB_FOLDER)

/** Success also when there is no lab. */
export async function takeDown(): Promise<Result<Removed>> {
  const record = readRecord()
  const own = [...readProcesses().values()].filter((p) => p.pid !== process.pid)
  const processes = await endAll(() => [
    ...own,
    ...processesOf([...standingNamespaces().values()], () => true),
  ])
  if (!processes.ok) return processes
  const namespaces = standingNamespaces().size
  removeUnderlay()
  removeLabFolder()
  removeFolders(record?.madeFolders ?? [])
  return ok({ processes: processes.value, namespaces })
}

/** One node as after a power cut: its processes and its network are gone, its files stay. */
export async function powerOff(node: string): Promise<Result<void>> {
  const namespace = standingNamespaces().get(node)
  const networks = namespace === undefined ? [] : [namespace]
  const ended = await endAll(() => processesOf(networks, (name) => name === node))
  if (!ended.ok) return ended
  if (existsSync(netnsFile(node))) removeNode(node)
  return ok(undefined)
}

async function endAll(find: () => readonly ProcessRecord[]): Promise<Result<number>> {
  const ended = new Set<number>()
  const deadline = performance.now() + PATIENCE_MS
  // Again, for what a process started before it was killed.
  for (let left = alive(find()); left.length > 0; left = alive(find())) {
    for (const record of left) {
      signal(record, 'SIGKILL')
      ended.add(record.pid)
    }
    const isGone = await gone(left, Math.max(0, deadline - performance.now()))
    if (isGone) continue
    const found = left.map((p) => p.pid).join(', ')
    return fault('lab', 'processes of the lab', 'an end', `${found} still there`, 'see what holds them')
  }
  return ok(ended.size)
}

const alive = (records: readonly ProcessRecord[]): readonly ProcessRecord[] => records.filter(isAlive)

/** Those in one of the networks, and those with the mounts of a node for which `isOurs` holds. */
function processesOf(
  networks: readonly string[],
  isOurs: (node: string) => boolean,
): readonly ProcessRecord[] {
  const mounts = new Map<string, boolean>()
  return processesWhere((pid) => {
    if (networks.includes(namespaceOf(pid, 'net') ?? '')) return true
    const name = namespaceOf(pid, 'mnt')
    if (name === undefined) return false
    const known = mounts.get(name) ?? isNode(pid, isOurs)
    mounts.set(name, known)
    return known
  })
}

/** mountinfo has the path within its file system: /run may be one of its own. */
const RUN_FOLDER = new RegExp(
  `^\\S+ \\S+ \\S+ \\S*/${basename(LAB_FOLDER)}/nodes/([^/ ]+)/run /run/podlane `,
  'm',
)

/** A number of a mount namespace may be given anew; a node's run folder is seen in a node only. */
function isNode(pid: number, isOurs: (node: string) => boolean): boolean {
  try {
    const name = RUN_FOLDER.exec(readFileSync(`/proc/${pid}/mountinfo`, 'utf8'))?.[1]
    return name !== undefined && isOurs(name)
  } catch {
    // It ended since we looked.
    return false
  }
}

/** What must be made on the host so that nodes have something to mount on; parents first. */
export function missingFolders(): readonly string[] {
  const missing = new Set<string>()
  for (const { at } of privateFolders('any')) {
    const chain: string[] = []
    for (let path = at; path !== '/' && !existsSync(path); path = dirname(path)) chain.unshift(path)
    for (const path of chain) missing.add(path)
  }
  return [...missing]
}

export function makeFolders(folders: readonly string[]): void {
  for (const path of folders) mkdirSync(path, { recursive: true })
}

/** One that somebody uses by now stays. All stay while another lab stands: removing would take its mounts away. */
function removeFolders(made: readonly string[]): void {
  const others = readdirSync(dirname(LAB_FOLDER)).filter((n) => n.startsWith('podlane-lab'))
  if (others.length > 0) return
  for (const path of made.toReversed()) {
    try {
      rmdirSync(path)
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      if (!['ENOENT', 'ENOTEMPTY', 'EBUSY'].includes(String(code))) throw error
    }
  }
}
