// A lab for tests: brought up by the same steps as the command's, and what it left on the machine afterwards.

import './lab_name.ts'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { must } from '../src/base/result.ts'
import { LAB_FOLDER, privateFolders } from '../src/lab/paths.ts'
import { isAlive, namespaceOf, type ProcessRecord, processesWhere } from '../src/lab/processes.ts'
import { type LabOptions, readProcesses } from '../src/lab/record.ts'
import { standingNamespaces } from '../src/lab/underlay.ts'
import { labSteps, usualOptions } from '../src/lab/up.ts'

export async function bringUp(options: Partial<LabOptions> = {}): Promise<void> {
  for (const step of must(labSteps({ ...usualOptions, ...options }))) must(await step.run(() => {}))
}

/** What a lab must not change on the host. */
export function hostState(): Readonly<Record<string, unknown>> {
  const run = (...argv: readonly [string, ...string[]]): string =>
    execFileSync(argv[0], argv.slice(1), { encoding: 'utf8' })
  return {
    links: run('ip', '-br', 'link'),
    tables: run('nft', 'list', 'tables'),
    // Without the namespaces that others bind to files meanwhile.
    mounts: readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .filter((line) => !line.startsWith('nsfs ') || line.includes(LAB_FOLDER)),
    folders: [LAB_FOLDER, '/sys/fs/bpf/podlane', ...privateFolders('x').map((f) => f.at)].filter((f) =>
      existsSync(f),
    ),
  }
}

export type LabBody = {
  readonly processes: readonly ProcessRecord[]
  readonly namespaces: ReadonlySet<string>
}

/** Every process that descends from the lab's own, and every namespace that one of them is in. */
export function labBody(): LabBody {
  const own = new Set([...readProcesses().values()].map((p) => p.pid))
  const processes = processesWhere((pid) => own.has(pid))
  const host = new Set([namespaceOf('self', 'net'), namespaceOf('self', 'mnt')])
  const seen = processes.flatMap(({ pid }) => [namespaceOf(pid, 'net'), namespaceOf(pid, 'mnt')])
  const all = [...standingNamespaces().values(), ...seen.filter((name) => name !== undefined)]
  return { processes, namespaces: new Set(all.filter((name) => !host.has(name))) }
}

/** What of it is still there; the kernel takes a moment to remove a namespace. */
export async function remains(
  body: LabBody,
): Promise<{ processes: readonly number[]; namespaces: readonly string[] }> {
  const look = () => {
    const listed = execFileSync('lsns', ['--noheadings', '--output', 'NS'], { encoding: 'utf8' }).split('\n')
    const standing = new Set(listed.map((line) => line.trim()))
    return {
      processes: body.processes.filter(isAlive).map((p) => p.pid),
      namespaces: [...body.namespaces].filter((name) => standing.has(/\d+/.exec(name)?.[0] ?? '')),
    }
  }
  for (let tries = 0; tries < 100; tries++) {
    const left = look()
    if (left.processes.length === 0 && left.namespaces.length === 0) return left
    await sleep(50)
  }
  return look()
}
