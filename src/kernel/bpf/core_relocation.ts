// CO-RE: an instruction that reads a kernel struct gets the member's place in the running kernel. Offset, size and
// existence of a member are supported, which is all the datapath uses; anything else is refused by name.

import type { Btf } from './btf.ts'
import { findMember, isComposite, type KernelBtf } from './kernel_btf.ts'

/** enum bpf_core_relo_kind; 0 is the offset. */
const FIELD_SIZE = 1
const FIELD_EXISTS = 2
const CLASS = { LDX: 1, ST: 2, STX: 3, ALU: 4, ALU64: 7 } as const
/** By the size bits of a load or store's opcode: W, H, B, DW. */
const ACCESS_BYTES: readonly number[] = [4, 2, 1, 8]
const CALL = 0x85
const LD_IMM64 = 0x18
/** A helper that does not exist: the verifier takes it only where it is never reached. libbpf uses the same number. */
const POISON = 0xbad2310

type Field = { readonly offset: number; readonly size: number }

/** Changes the instruction at byte `at` of `code`; what is wrong, if it cannot. */
export function applyCore(
  record: Buffer,
  code: Buffer,
  at: number,
  local: Btf,
  kernel: KernelBtf,
): string | undefined {
  const kind = record.readUInt32LE(12)
  if (kind > FIELD_EXISTS) return `CO-RE relocation of kind ${kind}`
  const struct = local.resolved(record.readUInt32LE(4))
  const path = local.text(record.readUInt32LE(8)).split(':').map(Number)
  const steps = isComposite(local, struct) ? memberPath(local, struct, path.slice(1)) : undefined
  if (!steps || path[0] !== 0) return `CO-RE access «${path.join(':')}» of type ${record.readUInt32LE(4)}`
  const name = local.name(struct).replace(/___.*$/, '')
  const field = kernelField(kernel, local.kind(struct), name, steps.names)
  if (typeof field === 'string') return field
  if (kind === FIELD_EXISTS) return setValue(code, at, field ? 1 : 0)
  if (!field) return poison(code, at)
  if (kind === FIELD_SIZE) return setValue(code, at, field.size)
  const opcode = code.readUInt8(at)
  const access = (opcode & 7) >= CLASS.LDX && (opcode & 7) <= CLASS.STX
  if (access && field.size !== ACCESS_BYTES[(opcode >>> 3) & 3])
    return `${name}.${steps.names.join('.')} of ${field.size} bytes in this kernel`
  return setValue(code, at, field.offset)
}

/** Names of the members on the way; an array on it is not supported. */
function memberPath(
  btf: Btf,
  struct: number,
  indexes: readonly number[],
): { readonly names: readonly string[] } | undefined {
  const names: string[] = []
  let at = struct
  for (const index of indexes) {
    if (!isComposite(btf, at) || index >= btf.memberCount(at)) return undefined
    const member = btf.member(at, index)
    // An anonymous member is no step: the kernel may nest otherwise.
    if (member.name !== '') names.push(member.name)
    at = btf.resolved(member.type)
  }
  return { names }
}

/** Undefined if this kernel has no such struct or member; a text if it is beyond what is supported. */
function kernelField(
  kernel: KernelBtf,
  kind: number,
  struct: string,
  names: readonly string[],
): Field | string | undefined {
  const found = kernel.find(kind, struct)
  if (!found) return undefined
  let type = found.id
  let bitOffset = 0
  for (const name of names) {
    const inside = found.btf.resolved(type)
    const member = isComposite(found.btf, inside) ? findMember(found.btf, inside, name) : undefined
    if (!member) return undefined
    if (member.bits > 0) return `the bit field ${struct}.${names.join('.')}`
    bitOffset += member.bitOffset
    type = member.type
  }
  const size = found.btf.size(type)
  return size === undefined ? `${struct}.${names.join('.')} without a size` : { offset: bitOffset / 8, size }
}

function setValue(code: Buffer, at: number, value: number): string | undefined {
  const opcode = code.readUInt8(at)
  const kind = opcode & 7
  if (kind === CLASS.ALU || kind === CLASS.ALU64 || opcode === LD_IMM64) code.writeInt32LE(value, at + 4)
  else if (kind >= CLASS.LDX && kind <= CLASS.STX) code.writeInt16LE(value, at + 2)
  else return `CO-RE relocation of instruction ${opcode.toString(16)}`
  return undefined
}

function poison(code: Buffer, at: number): undefined {
  const wide = code.readUInt8(at) === LD_IMM64
  for (const start of wide ? [at, at + 8] : [at]) {
    code.fill(0, start, start + 8)
    code.writeUInt8(CALL, start)
    code.writeInt32LE(POISON, start + 4)
  }
  return undefined
}
