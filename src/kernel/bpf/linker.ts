// Puts a program together: its entry function with all that it calls behind it, maps by descriptor, functions of the
// kernel by type id, struct members by their place. The result is what the verifier reads.

import { fault, ok, type Result } from '../../base/result.ts'
import { KIND } from './btf.ts'
import { type RecordTable, recordsWithin } from './btf_ext.ts'
import { applyCore } from './core_relocation.ts'
import type { ElfSymbol, Section } from './elf.ts'
import type { KernelBtf } from './kernel_btf.ts'
import type { BpfFunction, BpfObject } from './object.ts'

const CALL = 0x85
const LD_IMM64 = 0x18
const PSEUDO = { MAP_FD: 1, MAP_VALUE: 2, FUNC: 4, CALL: 1, KFUNC_CALL: 2 } as const
const INSTRUCTION_BYTES = 8

/** A function of the kernel: its type id, and the place in fd_array of the BTF that has it (0: vmlinux). */
export type Kfunc = { readonly id: number; readonly btfIndex: number }

/** What a symbol stands for at this moment. */
export type LinkTargets = {
  readonly kernel: KernelBtf
  readonly mapFd: (name: string) => number | undefined
  readonly kfunc: (name: string) => Kfunc | undefined
}

export type LinkedProgram = {
  readonly instructions: Buffer
  readonly functionInfo: Buffer
  readonly functionInfoBytes: number
  readonly lineInfo: Buffer
  readonly lineInfoBytes: number
}

/** A function with its place in the program, in bytes. */
type Placed = { readonly fn: BpfFunction; readonly at: number; readonly code: Buffer }

type Program = { readonly object: BpfObject; readonly targets: LinkTargets; readonly placed: Placed[] }

export function linkProgram(
  object: BpfObject,
  entry: BpfFunction,
  targets: LinkTargets,
): Result<LinkedProgram> {
  const program: Program = { object, targets, placed: [] }
  place(program, entry)
  // Grows while it is walked: each function may bring others in.
  for (const part of program.placed) {
    const problem = relocateFunction(program, part)
    if (problem)
      return fault(
        'bpf-object',
        `function ${part.fn.name} of ${object.name}`,
        'code that can be linked',
        problem,
        'see docs/decisions/0008-own-bpf-loader.md for what the loader takes',
      )
  }
  const { functions, lines } = object.records
  return ok({
    instructions: Buffer.concat(program.placed.map((p) => p.code)),
    functionInfo: movedRecords(program, functions),
    functionInfoBytes: functions.recordBytes,
    lineInfo: movedRecords(program, lines),
    lineInfoBytes: lines.recordBytes,
  })
}

function place(program: Program, fn: BpfFunction): Placed {
  const there = program.placed.find((p) => p.fn === fn)
  if (there) return there
  const last = program.placed.at(-1)
  const at = last ? last.at + last.code.length : 0
  const code = Buffer.from(fn.section.bytes.subarray(fn.start, fn.start + fn.size))
  const placed = { fn, at, code }
  program.placed.push(placed)
  return placed
}

function relocateFunction(program: Program, part: Placed): string | undefined {
  const { fn, code } = part
  const symbols = new Map<number, ElfSymbol>()
  for (const r of program.object.elf.relocations.get(fn.section.index) ?? []) symbols.set(r.offset, r.symbol)
  for (let at = 0; at < code.length; at += INSTRUCTION_BYTES) {
    const symbol = symbols.get(fn.start + at)
    const opcode = code.readUInt8(at)
    const problem =
      opcode === CALL
        ? relocateCall(program, part, at, symbol)
        : symbol && opcode === LD_IMM64
          ? relocateLoad(program, part, at, symbol)
          : symbol && `a relocation of instruction ${opcode.toString(16)} by ${symbol.name}`
    if (problem) return problem
    // The second half of a wide instruction has no opcode of its own.
    if (opcode === LD_IMM64) at += INSTRUCTION_BYTES
  }
  return relocateCore(program, part)
}

function relocateCall(program: Program, part: Placed, at: number, symbol?: ElfSymbol): string | undefined {
  const { code, fn } = part
  if (code.readUInt8(at + 1) >>> 4 !== PSEUDO.CALL) return symbol && `a call of ${symbol.name}`
  if (symbol && !symbol.section) return relocateKfunc(program, code, at, symbol)
  // By a symbol: from the symbol, without one: from the next instruction. Both count in instructions.
  const distance = (code.readInt32LE(at + 4) + 1) * INSTRUCTION_BYTES
  const target = (symbol ? symbol.value : fn.start + at) + distance
  const callee = functionAt(program, symbol?.section ?? fn.section, target)
  if (!callee) return `a call of byte ${target} of ${(symbol?.section ?? fn.section).name}, where none begins`
  code.writeInt32LE(jump(part, at, place(program, callee)), at + 4)
  return undefined
}

const functionAt = (program: Program, section: Section, start: number): BpfFunction | undefined =>
  program.object.functions.find((f) => f.section === section && f.start === start)

const jump = (from: Placed, at: number, to: Placed): number => (to.at - from.at - at) / INSTRUCTION_BYTES - 1

function relocateKfunc(program: Program, code: Buffer, at: number, symbol: ElfSymbol): string | undefined {
  const kfunc = program.targets.kfunc(symbol.name)
  if (!kfunc && !symbol.weak) return `a call of ${symbol.name}, which this kernel does not have`
  // Id 0 of a missing one is taken as long as the call is never reached (Linux 5.17).
  setSource(code, at, PSEUDO.KFUNC_CALL)
  code.writeInt16LE(kfunc?.btfIndex ?? 0, at + 2)
  code.writeInt32LE(kfunc?.id ?? 0, at + 4)
  return undefined
}

function setSource(code: Buffer, at: number, source: number): void {
  code.writeUInt8((code.readUInt8(at + 1) & 0xf) | (source << 4), at + 1)
}

function relocateLoad(program: Program, part: Placed, at: number, symbol: ElfSymbol): string | undefined {
  const { code } = part
  const { section } = symbol
  if (!section) return relocateExtern(program, code, at, symbol)
  const addend = code.readInt32LE(at + 4)
  if (section.executable) {
    const callee = functionAt(program, section, symbol.value + addend)
    if (!callee) return `the address of byte ${symbol.value + addend} of ${section.name}`
    setSource(code, at, PSEUDO.FUNC)
    code.writeInt32LE(jump(part, at, place(program, callee)), at + 4)
    return undefined
  }
  const inMaps = section.name === '.maps'
  const fd = program.targets.mapFd(inMaps ? symbol.name : section.name)
  if (fd === undefined) return `${symbol.name} in section ${section.name}, which is no map`
  setSource(code, at, inMaps ? PSEUDO.MAP_FD : PSEUDO.MAP_VALUE)
  code.writeInt32LE(fd, at + 4)
  code.writeInt32LE(inMaps ? 0 : symbol.value + addend, at + 12)
  return undefined
}

/** The address of a kernel function serves only for asking whether it is there; the kernel's variables are not taken. */
function relocateExtern(program: Program, code: Buffer, at: number, symbol: ElfSymbol): string | undefined {
  if (program.object.btf.find(KIND.FUNC, symbol.name) === undefined)
    return `the variable ${symbol.name} of the kernel`
  code.writeInt32LE(program.targets.kfunc(symbol.name) ? 1 : 0, at + 4)
  return undefined
}

function relocateCore(program: Program, part: Placed): string | undefined {
  const { fn, code } = part
  const { object, targets } = program
  for (const record of recordsWithin(object.records.core, fn.section.name, fn.start, fn.size)) {
    const at = record.readUInt32LE(0) - fn.start
    const problem = applyCore(record, code, at, object.btf, targets.kernel)
    if (problem) return problem
  }
  return undefined
}

/** Records for the placed functions, their place counted in instructions of the whole program. */
function movedRecords(program: Program, table: RecordTable): Buffer {
  return Buffer.concat(
    program.placed.flatMap(({ fn, at }) =>
      recordsWithin(table, fn.section.name, fn.start, fn.size).map((record) => {
        const moved = Buffer.from(record)
        moved.writeUInt32LE((record.readUInt32LE(0) - fn.start + at) / INSTRUCTION_BYTES, 0)
        return moved
      }),
    ),
  )
}
