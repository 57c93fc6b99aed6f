// The programs from socket to socket, on and off. On: pinned, so that they work while no agent runs. Off: nothing is
// attached; connections that were taken keep their maps and programs alive by themselves until they end.

import { createHash } from 'node:crypto'
import { closeSync, existsSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ok, type Result } from '../../base/result.ts'
import { ATTACH, attachToCgroup, attachToSockets, openPinnedLink } from '../../kernel/bpf/link.ts'
import { type BpfMap, createMap } from '../../kernel/bpf/map.ts'
import type { BpfObject } from '../../kernel/bpf/object.ts'
import { type BpfProgram, loadObject } from '../../kernel/bpf/program.ts'
import { openMaps } from '../fast_lane/maps.ts'
import { cgroupRoot } from './cgroup_root.ts'

/** Found again by a new program. The map of sockets is not: a socket keeps the program with which it was taken. */
const KEPT = ['socket_epochs', 'socket_counts'] as const
const LINK = 'link'
const SOCKETS = 'sockets'

export type Switched = { readonly epochs: BpfMap; readonly counts: BpfMap; readonly isNew: boolean }

export const isOn = (folder: string): boolean => existsSync(join(folder, LINK))

/** Programs as built now, attached; those of an older build are replaced without a gap. */
export function switchOn(folder: string, object: BpfObject, pods: BpfMap): Result<Switched> {
  const specs = object.maps.filter((m) => KEPT.some((name) => name === m.name))
  const opened = openMaps(folder, specs)
  if (!opened.ok) return opened
  const [epochs, counts] = KEPT.map((name) => opened.value.get(name))
  if (!epochs || !counts) throw new Error('the program has lost its maps')
  const mark = join(folder, `program-${signOf(object, [pods, epochs, counts])}`)
  if (isOn(folder) && existsSync(mark)) return ok({ epochs, counts, isNew: false })
  const maps = new Map([...opened.value, [pods.spec.name, pods]])
  const attached = load(folder, object, maps, mark)
  if (attached.ok) return ok({ epochs, counts, isNew: true })
  epochs.close()
  counts.close()
  return attached
}

/** Whatever is pinned but the record of the pods. */
export function switchOff(folder: string, record: string): void {
  // The link first: a program that is attached must find all that belongs to it.
  rmSync(join(folder, LINK), { force: true })
  for (const name of readdirSync(folder)) if (name !== record) rmSync(join(folder, name))
}

function load(
  folder: string,
  object: BpfObject,
  maps: ReadonlyMap<string, BpfMap>,
  mark: string,
): Result<void> {
  const spec = object.maps.find((m) => m.name === SOCKETS)
  if (!spec) throw new Error('the program has no map of sockets')
  const sockets = createMap(spec)
  if (!sockets.ok) return sockets
  const loaded = loadObject(object, { maps: new Map([...maps, [SOCKETS, sockets.value]]) })
  if (!loaded.ok) {
    sockets.value.close()
    return loaded
  }
  try {
    const judged = attachToSockets(loaded.value.program('send_short').fd, sockets.value.fd)
    if (!judged.ok) return judged
    // Without a pin it would lose its program with this process.
    const pinned = pinOver(sockets.value, join(folder, SOCKETS))
    if (!pinned.ok) return pinned
    const attached = attach(folder, loaded.value.program('join_sockets'))
    if (!attached.ok) return attached
    for (const name of readdirSync(folder)) if (name.startsWith('program-')) rmSync(join(folder, name))
    return loaded.value.program('join_sockets').pin(mark)
  } finally {
    loaded.value.close()
    sockets.value.close()
  }
}

function attach(folder: string, program: BpfProgram): Result<void> {
  const path = join(folder, LINK)
  const standing = openPinnedLink(path)
  if (!standing.ok) return standing
  if (standing.value) {
    const updated = standing.value.update(program.fd)
    standing.value.close()
    return updated
  }
  const root = cgroupRoot()
  if (!root.ok) return root
  const cgroup = openSync(root.value, 'r')
  const link = attachToCgroup(program.fd, cgroup, ATTACH.CGROUP_SOCK_OPS)
  closeSync(cgroup)
  if (!link.ok) return link
  const pinned = link.value.pin(path)
  link.value.close()
  return pinned
}

function pinOver(map: BpfMap, path: string): Result<void> {
  const beside = `${path}-new`
  rmSync(beside, { force: true })
  const pinned = map.pin(beside)
  if (pinned.ok) renameSync(beside, path)
  return pinned
}

/** Changes with everything that makes a loaded program what it is. */
function signOf(object: BpfObject, maps: readonly BpfMap[]): string {
  const hash = createHash('sha256')
  for (const section of object.elf.sections)
    if (!section.name.startsWith('.debug')) hash.update(section.bytes)
  hash.update(maps.map((m) => m.id()).join(' '))
  return hash.digest('hex').slice(0, 16)
}
