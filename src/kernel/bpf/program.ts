// Loads an object's programs into the kernel. The verifier's log is asked for only when it refuses one.

import { fault, ok, type Result } from '../../base/result.ts'
import { EAGAIN } from '../errno.ts'
import { Attr, BPF, bpf, bpfFault, closeFd, cString, fieldText } from './command.ts'
import { KernelBtf } from './kernel_btf.ts'
import { KfuncTable } from './kfunc_table.ts'
import { type LinkedProgram, linkProgram } from './linker.ts'
import type { BpfMap } from './map.ts'
import type { BpfFunction, BpfObject } from './object.ts'
import { loadBtf } from './object_btf.ts'
import { type Constants, provideMaps } from './object_maps.ts'
import { openPinned, pinObject } from './pin.ts'
import { PROGRAM, programTypeOf, sectionNames } from './program_type.ts'

const LOG_BYTES = 16 << 20
const LOG_LINES = 12
const MOST_TRIES = 10

export class BpfProgram {
  readonly fd: number
  readonly name: string

  constructor(fd: number, name: string) {
    this.fd = fd
    this.name = name
  }

  pin(path: string): Result<void> {
    return pinObject(this.fd, path)
  }

  close(): void {
    closeFd(this.fd)
  }
}

/** Undefined if nothing is pinned there. */
export function openPinnedProgram(path: string, name: string): Result<BpfProgram | undefined> {
  const fd = openPinned('prog', path)
  if (!fd.ok) return fd
  return ok(fd.value === undefined ? undefined : new BpfProgram(fd.value, name))
}

export type LoadOptions = {
  /** Maps to use instead of new ones, by name; they stay the caller's. */
  readonly maps?: ReadonlyMap<string, BpfMap>
  readonly constants?: Constants
  /** Which to load; all if not said. */
  readonly programs?: readonly string[]
  /** For classifiers, instead of what the section says: 0 for clsact. */
  readonly classifierAttachType?: number
  /** For several objects in a row: the kernel's types are read once. The caller closes it. */
  readonly kernel?: KernelBtf
}

export class LoadedObject {
  readonly maps: ReadonlyMap<string, BpfMap>
  readonly programs: ReadonlyMap<string, BpfProgram>
  readonly #created: readonly BpfMap[]

  constructor(
    maps: ReadonlyMap<string, BpfMap>,
    programs: ReadonlyMap<string, BpfProgram>,
    created: readonly BpfMap[],
  ) {
    this.maps = maps
    this.programs = programs
    this.#created = created
  }

  /** One that the object is known to have. */
  program(name: string): BpfProgram {
    const found = this.programs.get(name)
    if (!found) throw new Error(`no program ${name} was loaded`)
    return found
  }

  map(name: string): BpfMap {
    const found = this.maps.get(name)
    if (!found) throw new Error(`no map ${name} was loaded`)
    return found
  }

  /** Descriptors only: what is attached or pinned stays in the kernel. */
  close(): void {
    for (const program of this.programs.values()) program.close()
    for (const map of this.#created) map.close()
  }
}

export function loadObject(object: BpfObject, options: LoadOptions = {}): Result<LoadedObject> {
  const btf = loadBtf(object)
  if (!btf.ok) return btf
  const kernel = options.kernel ?? new KernelBtf()
  const kfuncs = new KfuncTable(kernel)
  try {
    const maps = provideMaps(object, btf.value, options.maps ?? new Map(), options.constants ?? {})
    if (!maps.ok) return maps
    const { all, created } = maps.value
    const programs = loadPrograms(object, options, { btfFd: btf.value, maps: all, kernel, kfuncs })
    if (programs.ok) return ok(new LoadedObject(all, programs.value, created))
    for (const map of created) map.close()
    return programs
  } finally {
    closeFd(btf.value)
    kfuncs.close()
    if (!options.kernel) kernel.close()
  }
}

type Context = {
  readonly btfFd: number
  readonly maps: ReadonlyMap<string, BpfMap>
  readonly kernel: KernelBtf
  readonly kfuncs: KfuncTable
}

function loadPrograms(
  object: BpfObject,
  options: LoadOptions,
  context: Context,
): Result<ReadonlyMap<string, BpfProgram>> {
  const loaded = new Map<string, BpfProgram>()
  const entries = object.functions.filter((f) => f.entry && (options.programs?.includes(f.name) ?? true))
  for (const entry of entries) {
    const linked = linkProgram(object, entry, {
      kernel: context.kernel,
      mapFd: (name) => context.maps.get(name)?.fd,
      kfunc: (name) => context.kfuncs.get(name),
    })
    const program = linked.ok ? loadProgram(object, entry, linked.value, options, context) : linked
    if (!program.ok) {
      for (const p of loaded.values()) p.close()
      return program
    }
    loaded.set(entry.name, program.value)
  }
  return ok(loaded)
}

function loadProgram(
  object: BpfObject,
  entry: BpfFunction,
  linked: LinkedProgram,
  options: LoadOptions,
  context: Context,
): Result<BpfProgram> {
  const kind = programTypeOf(entry.section.name)
  const what = `program ${entry.name} of ${object.name}`
  if (!kind)
    return fault(
      'bpf-object',
      what,
      `a section of ${sectionNames().join(', ')}`,
      entry.section.name,
      'rename it',
    )
  const override = kind.type === PROGRAM.SCHED_CLS ? options.classifierAttachType : undefined
  const attr = new Attr(144)
    .u32(0, kind.type)
    .u32(4, linked.instructions.length / 8)
    .pointer(8, linked.instructions)
    .pointer(16, cString(object.license))
    .u32(44, kind.flags)
    .text(48, 16, entry.name)
    .u32(68, override ?? kind.attachType)
    .u32(72, context.btfFd)
    .u32(76, linked.functionInfoBytes)
    .pointer(80, linked.functionInfo)
    .u32(88, linked.functionInfoBytes ? linked.functionInfo.length / linked.functionInfoBytes : 0)
    .u32(92, linked.lineInfoBytes)
    .pointer(96, linked.lineInfo)
    .u32(104, linked.lineInfoBytes ? linked.lineInfo.length / linked.lineInfoBytes : 0)
    .pointer(120, context.kfuncs.fdArray())
  let fd = bpf(BPF.PROG_LOAD, attr)
  // A signal that waits makes the verifier give up; the thread has none for long.
  for (let again = 0; fd === -EAGAIN && again < MOST_TRIES; again++) fd = bpf(BPF.PROG_LOAD, attr)
  if (fd >= 0) return ok(new BpfProgram(fd, entry.name))
  return bpfFault(what, 'the verifier to take it', -fd, `it says:\n${verifierWords(attr)}`)
}

/** Loads once more for the log's end. */
function verifierWords(attr: Attr): string {
  const log = Buffer.alloc(LOG_BYTES)
  const fd = bpf(BPF.PROG_LOAD, attr.u32(24, 1).u32(28, log.length).pointer(32, log))
  if (fd >= 0) closeFd(fd)
  const said = fieldText(log)
    .split('\n')
    .filter((line) => line !== '' && !/^(processed \d+ insns|verification time|stack depth)/.test(line))
    .slice(-LOG_LINES)
  return said.length > 0
    ? said.join('\n')
    : 'nothing: the program’s type or attach type is not known, or a privilege is missing'
}
