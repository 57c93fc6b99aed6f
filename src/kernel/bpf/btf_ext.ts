// .BTF.ext: which instruction belongs to which function and source line, and which ones depend on the kernel's own
// struct layouts (CO-RE). Records stand by section; their first word is the byte offset of the instruction.

import type { Btf } from './btf.ts'

/** Records of one kind, by section name: equal in size, in order of their instructions. */
export type RecordTable = {
  readonly recordBytes: number
  readonly bySection: ReadonlyMap<string, readonly Buffer[]>
}

export type TypeRecords = {
  readonly functions: RecordTable
  readonly lines: RecordTable
  readonly core: RecordTable
}

const none: RecordTable = { recordBytes: 0, bySection: new Map() }

export function parseBtfExt(bytes: Buffer, btf: Btf): TypeRecords {
  const headerBytes = bytes.readUInt32LE(4)
  const table = (field: number): RecordTable => {
    if (field + 8 > headerBytes) return none
    const from = headerBytes + bytes.readUInt32LE(field)
    const length = bytes.readUInt32LE(field + 4)
    return length === 0 ? none : recordTable(bytes.subarray(from, from + length), btf)
  }
  return { functions: table(8), lines: table(16), core: table(24) }
}

function recordTable(bytes: Buffer, btf: Btf): RecordTable {
  const recordBytes = bytes.readUInt32LE(0)
  const bySection = new Map<string, Buffer[]>()
  let at = 4
  while (at + 8 <= bytes.length) {
    const count = bytes.readUInt32LE(at + 4)
    const records = Array.from({ length: count }, (_, i) =>
      bytes.subarray(at + 8 + i * recordBytes, at + 8 + (i + 1) * recordBytes),
    )
    bySection.set(btf.text(bytes.readUInt32LE(at)), records)
    at += 8 + count * recordBytes
  }
  return { recordBytes, bySection }
}

/** The records of a function's instructions. */
export const recordsWithin = (
  table: RecordTable,
  section: string,
  start: number,
  size: number,
): readonly Buffer[] =>
  (table.bySection.get(section) ?? []).filter((r) => {
    const at = r.readUInt32LE(0)
    return at >= start && at < start + size
  })
