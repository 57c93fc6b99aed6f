// An object's own types as the kernel takes them. clang leaves sizes and offsets of data sections to the linker, and
// describes functions of the kernel in a way that the kernel itself refuses; both are put right here, in place.

import { ok, type Result } from '../../base/result.ts'
import { type Btf, KIND } from './btf.ts'
import { Attr, BPF, bpf, bpfFault, fieldText } from './command.ts'
import type { BpfObject } from './object.ts'

const LINKAGE_GLOBAL = 1
const LOG_BYTES = 64 << 10

/** A descriptor of the object's BTF. */
export function loadBtf(object: BpfObject): Result<number> {
  fitForKernel(object)
  const attr = new Attr(32).pointer(0, object.btf.bytes).u32(16, object.btf.bytes.length)
  const fd = bpf(BPF.BTF_LOAD, attr)
  if (fd >= 0) return ok(fd)
  const log = Buffer.alloc(LOG_BYTES)
  bpf(BPF.BTF_LOAD, attr.pointer(8, log).u32(20, log.length).u32(24, 1))
  const last = fieldText(log).trim().split('\n').slice(-2).join(' / ')
  return bpfFault(`types of ${object.name}`, 'the kernel to take them', -fd, `it says: ${last}`)
}

/** Idempotent: an object may be loaded many times. */
function fitForKernel(object: BpfObject): void {
  const { btf } = object
  for (let id = btf.firstId; id < btf.endId; id++) {
    if (btf.kind(id) !== KIND.DATASEC) continue
    if (btf.name(id) === '.ksyms') hideKsyms(btf, id)
    else placeVariables(object, id)
  }
}

/**
 * The kernel wants no function in a data section and none that is «extern». The section becomes an anonymous union of
 * as many members, which takes the same bytes and means nothing; the functions become global, their parameters named.
 */
function hideKsyms(btf: Btf, section: number): void {
  const at = btf.offset(section)
  const count = btf.memberCount(section)
  let int = btf.firstId
  while (btf.kind(int) !== KIND.INT) int++
  for (let i = 0; i < count; i++) {
    const member = at + 12 + i * 12
    const declared = btf.bytes.readUInt32LE(member)
    if (btf.kind(declared) === KIND.FUNC) makeGlobal(btf, declared)
    else if (btf.kind(declared) === KIND.VAR)
      btf.bytes.writeUInt32LE(LINKAGE_GLOBAL, btf.offset(declared) + 12)
    btf.bytes.writeUInt32LE(0, member)
    btf.bytes.writeUInt32LE(int, member + 4)
    btf.bytes.writeUInt32LE(0, member + 8)
  }
  btf.bytes.writeUInt32LE(0, at)
  btf.bytes.writeUInt32LE(((KIND.UNION << 24) | count) >>> 0, at + 4)
  btf.bytes.writeUInt32LE(8, at + 8)
}

function makeGlobal(btf: Btf, fn: number): void {
  const at = btf.offset(fn)
  btf.bytes.writeUInt32LE(((KIND.FUNC << 24) | LINKAGE_GLOBAL) >>> 0, at + 4)
  const name = btf.bytes.readUInt32LE(at)
  const prototype = btf.target(fn)
  for (let i = 0; i < btf.memberCount(prototype); i++) {
    const parameter = btf.offset(prototype) + 12 + i * 8
    const unnamed = btf.bytes.readUInt32LE(parameter) === 0 && btf.bytes.readUInt32LE(parameter + 4) !== 0
    if (unnamed) btf.bytes.writeUInt32LE(name, parameter)
  }
}

/** Offsets from the symbols, in rising order, as the kernel checks. */
function placeVariables(object: BpfObject, datasec: number): void {
  const { btf, elf } = object
  const section = elf.sections.find((s) => s.name === btf.name(datasec))
  if (!section) return
  const at = btf.offset(datasec)
  btf.bytes.writeUInt32LE(section.size, at + 8)
  const count = btf.memberCount(datasec)
  const places = Array.from({ length: count }, (_, i) => {
    const entry = Buffer.from(btf.bytes.subarray(at + 12 + i * 12, at + 24 + i * 12))
    const name = btf.name(entry.readUInt32LE(0))
    const symbol = elf.symbols.find((s) => s.section === section && s.name === name)
    if (symbol) entry.writeUInt32LE(symbol.value, 4)
    return entry
  })
  places.sort((a, b) => a.readUInt32LE(4) - b.readUInt32LE(4))
  Buffer.concat(places).copy(btf.bytes, at + 12)
}
