// The datapath's programs in the kernel. A restart with the same programs, maps and constants takes the pinned ones:
// verifying them again would cost a second of everybody's time.

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ok, type Result } from '../../base/result.ts'
import { KernelBtf } from '../../kernel/bpf/kernel_btf.ts'
import type { BpfMap, MapSpec } from '../../kernel/bpf/map.ts'
import { type BpfObject, readObject } from '../../kernel/bpf/object.ts'
import type { Constants } from '../../kernel/bpf/object_maps.ts'
import { type BpfProgram, loadObject, openPinnedProgram } from '../../kernel/bpf/program.ts'

export const PROGRAMS = ['pod_egress', 'pod_ingress', 'uplink_ingress', 'sweep'] as const
export type ProgramName = (typeof PROGRAMS)[number]

/** Built objects, with the sizes that this node's tables have. */
export function readObjects(sizes: Readonly<Record<string, number>>): Result<readonly BpfObject[]> {
  const out: BpfObject[] = []
  for (const name of PROGRAMS) {
    const read = readObject(name)
    if (!read.ok) return read
    const maps = read.value.maps.map((m) => ({ ...m, maxEntries: sizes[m.name] ?? m.maxEntries }))
    out.push({ ...read.value, maps })
  }
  return ok(out)
}

/** Every map that any of them uses, once. */
export const mapSpecs = (objects: readonly BpfObject[]): MapSpec[] => [
  ...new Map(objects.flatMap((o) => o.maps).map((m) => [m.name, m])).values(),
]

export function openPrograms(
  folder: string,
  objects: readonly BpfObject[],
  maps: ReadonlyMap<string, BpfMap>,
  constants: Constants,
): Result<ReadonlyMap<ProgramName, BpfProgram>> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const kernel = new KernelBtf()
  const out = new Map<ProgramName, BpfProgram>()
  const pins = new Set<string>()
  try {
    for (const [i, name] of PROGRAMS.entries()) {
      const object = objects[i]
      if (!object) continue
      const own = constantsOf(object, constants)
      const pin = `${name}-${signOf(object, maps, own)}`
      pins.add(pin)
      const program = openProgram(join(folder, pin), name, object, { maps, constants: own, kernel })
      if (!program.ok) return program
      out.set(name, program.value)
    }
  } finally {
    kernel.close()
  }
  for (const name of readdirSync(folder)) if (!pins.has(name)) rmSync(join(folder, name))
  return ok(out)
}

type Load = {
  readonly maps: ReadonlyMap<string, BpfMap>
  readonly constants: Constants
  readonly kernel: KernelBtf
}

function openProgram(path: string, name: ProgramName, object: BpfObject, load: Load): Result<BpfProgram> {
  if (existsSync(path)) {
    const pinned = openPinnedProgram(path, name)
    if (!pinned.ok) return pinned
    if (pinned.value) return ok(pinned.value)
  }
  const { maps, constants, kernel } = load
  // Not what the section says: the same program goes to tcx, netkit and clsact.
  const loaded = loadObject(object, { maps, constants, kernel, classifierAttachType: 0 })
  if (!loaded.ok) return loaded
  const program = loaded.value.program(name)
  const pinned = program.pin(path)
  return pinned.ok ? ok(program) : pinned
}

const constantsOf = (object: BpfObject, all: Constants): Constants => {
  const known = new Set(object.data.filter((d) => d.constant).flatMap((d) => d.variables.map((v) => v.name)))
  return Object.fromEntries(Object.entries(all).filter(([name]) => known.has(name)))
}

/** Changes with everything that makes a loaded program what it is. */
function signOf(object: BpfObject, maps: ReadonlyMap<string, BpfMap>, constants: Constants): string {
  const hash = createHash('sha256')
  for (const section of object.elf.sections)
    if (!section.name.startsWith('.debug')) hash.update(section.bytes)
  const ids = object.maps.map((m) => `${m.name}=${maps.get(m.name)?.id()}`)
  const values = Object.entries(constants).map(([name, value]) => `${name}=${value}`)
  hash.update([...ids, ...values].join(' '))
  return hash.digest('hex').slice(0, 16)
}
