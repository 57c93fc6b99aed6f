// Processes known by number and start time, so that a number given anew is never taken for the old process, and
// found by what they belong to, so that none is left when its parent was killed.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

export type ProcessRecord = {
  readonly pid: number
  /** Clock ticks after boot (proc_pid_stat(5), field 22). */
  readonly startTicks: number
}

type Stat = { readonly state: string; readonly parent: number; readonly startTicks: number }

function statOf(pid: number): Stat | undefined {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return undefined
  }
  // The second field is a name in brackets that may hold anything, brackets and spaces too.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { state: fields[0] ?? '', parent: Number(fields[1]), startTicks: Number(fields[19]) }
}

/** Undefined when there is no such process any more. */
export function recordOf(pid: number): ProcessRecord | undefined {
  const stat = statOf(pid)
  return stat && { pid, startTicks: stat.startTicks }
}

/** A zombie counts as gone: it holds nothing. */
export function isAlive(record: ProcessRecord): boolean {
  const stat = statOf(record.pid)
  return stat !== undefined && stat.startTicks === record.startTicks && !['Z', 'X'].includes(stat.state)
}

/** Nothing happens to a process that is gone or that only has the number of the recorded one. */
export function signal(record: ProcessRecord, name: NodeJS.Signals): void {
  if (!isAlive(record)) return
  try {
    process.kill(record.pid, name)
  } catch (error) {
    // It ended since we looked.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

/** Resolves to whether all are gone in time. */
export async function gone(records: readonly ProcessRecord[], timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs
  while (records.some(isAlive)) {
    if (performance.now() > deadline) return false
    await sleep(10)
  }
  return true
}

/** The kernel's name of a namespace, e.g. `net:[4026531840]`, as seen in /proc/PID/ns. */
export type NamespaceName = string

export function namespaceOf(pid: number | 'self', kind: 'net' | 'mnt'): NamespaceName | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`)
  } catch {
    return undefined
  }
}

/**
 * Every process of which `belongs` says so, and all descendants of those: a container of a runtime in a lab node has
 * namespaces of its own. Never this process or one above it.
 */
export function processesWhere(belongs: (pid: number) => boolean): readonly ProcessRecord[] {
  const stats = new Map<number, Stat>()
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    const stat = Number.isInteger(pid) ? statOf(pid) : undefined
    if (stat && !['Z', 'X'].includes(stat.state)) stats.set(pid, stat)
  }
  const spared = ancestors(process.pid, stats)
  const found = new Set([...stats.keys()].filter((pid) => !spared.has(pid) && belongs(pid)))
  for (const pid of stats.keys())
    if (!spared.has(pid) && [...ancestors(pid, stats)].some((above) => found.has(above))) found.add(pid)
  return [...found].flatMap((pid) => {
    const stat = stats.get(pid)
    return stat ? [{ pid, startTicks: stat.startTicks }] : []
  })
}

function ancestors(pid: number, stats: ReadonlyMap<number, Stat>): ReadonlySet<number> {
  const chain = new Set<number>()
  for (let at = pid; at > 0 && !chain.has(at); at = stats.get(at)?.parent ?? 0) chain.add(at)
  return chain
}
