// ELF64 little-endian relocatables, as far as clang's BPF target makes them: sections, symbols, relocations (elf(5)).

import { fault, ok, type Result } from '../../base/result.ts'

const SHT = { PROGBITS: 1, SYMTAB: 2, NOBITS: 8, REL: 9 } as const
const SHF_EXECINSTR = 4
const EM_BPF = 247
export const STT = { OBJECT: 1, FUNC: 2, SECTION: 3 } as const
const STB = { LOCAL: 0, WEAK: 2 } as const

export type Section = {
  readonly index: number
  readonly name: string
  readonly executable: boolean
  readonly size: number
  /** Zeros for a section without bytes in the file (.bss). */
  readonly bytes: Buffer
}

export type ElfSymbol = {
  readonly name: string
  readonly type: number
  readonly local: boolean
  readonly weak: boolean
  /** Undefined for what is defined elsewhere. */
  readonly section: Section | undefined
  readonly value: number
  readonly size: number
}

export type Relocation = { readonly offset: number; readonly symbol: ElfSymbol }

export type Elf = {
  readonly sections: readonly Section[]
  readonly symbols: readonly ElfSymbol[]
  /** By the index of the section that they change. */
  readonly relocations: ReadonlyMap<number, readonly Relocation[]>
}

type Header = {
  readonly name: number
  readonly type: number
  readonly flags: number
  readonly offset: number
  readonly size: number
  readonly link: number
  readonly info: number
}

const word = (bytes: Buffer, at: number): number => Number(bytes.readBigUInt64LE(at))

function headers(file: Buffer): Header[] {
  const at = word(file, 40)
  return Array.from({ length: file.readUInt16LE(60) }, (_, i) => {
    const h = file.subarray(at + i * 64, at + (i + 1) * 64)
    return {
      name: h.readUInt32LE(0),
      type: h.readUInt32LE(4),
      flags: word(h, 8),
      offset: word(h, 24),
      size: word(h, 32),
      link: h.readUInt32LE(40),
      info: h.readUInt32LE(44),
    }
  })
}

const bytesOf = (file: Buffer, h: Header): Buffer =>
  h.type === SHT.NOBITS ? Buffer.alloc(h.size) : file.subarray(h.offset, h.offset + h.size)

const textAt = (strings: Buffer, at: number): string => strings.toString('latin1', at, strings.indexOf(0, at))

export function parseElf(file: Buffer, object: string): Result<Elf> {
  const isElf = file.length >= 64 && file.readUInt32BE(0) === 0x7f454c46 && file.readUInt16LE(18) === EM_BPF
  if (!isElf)
    return fault(
      'bpf-object',
      object,
      'an ELF file for BPF',
      `${file.length} other bytes`,
      'run «make build»',
    )
  const all = headers(file)
  const names = all[file.readUInt16LE(62)]
  const symbolTable = all.find((h) => h.type === SHT.SYMTAB)
  const symbolNames = symbolTable && all[symbolTable.link]
  if (!names || !symbolTable || !symbolNames)
    return fault('bpf-object', object, 'a symbol table', 'none', 'build it without stripping symbols')
  const strings = bytesOf(file, names)
  const sections = all.map((h, index) => ({
    index,
    name: textAt(strings, h.name),
    executable: (h.flags & SHF_EXECINSTR) !== 0 && h.type === SHT.PROGBITS,
    size: h.size,
    bytes: bytesOf(file, h),
  }))
  const symbols = parseSymbols(bytesOf(file, symbolTable), bytesOf(file, symbolNames), sections)
  const relocations = new Map<number, Relocation[]>()
  for (const h of all)
    if (h.type === SHT.REL) relocations.set(h.info, parseRelocations(bytesOf(file, h), symbols))
  return ok({ sections, symbols, relocations })
}

function parseSymbols(table: Buffer, strings: Buffer, sections: readonly Section[]): ElfSymbol[] {
  const out: ElfSymbol[] = []
  for (let at = 0; at + 24 <= table.length; at += 24) {
    const info = table.readUInt8(at + 4)
    const section = table.readUInt16LE(at + 6)
    const type = info & 0xf
    out.push({
      name: type === STT.SECTION ? (sections[section]?.name ?? '') : textAt(strings, table.readUInt32LE(at)),
      type,
      local: info >>> 4 === STB.LOCAL,
      weak: info >>> 4 === STB.WEAK,
      section: section === 0 ? undefined : sections[section],
      value: word(table, at + 8),
      size: word(table, at + 16),
    })
  }
  return out
}

function parseRelocations(table: Buffer, symbols: readonly ElfSymbol[]): Relocation[] {
  const out: Relocation[] = []
  for (let at = 0; at + 16 <= table.length; at += 16) {
    const symbol = symbols[table.readUInt32LE(at + 12)]
    if (symbol) out.push({ offset: word(table, at), symbol })
  }
  return out
}
