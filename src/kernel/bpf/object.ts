// A compiled BPF object file as plain data: its programs, maps, constants and types. Nothing here asks the kernel.

import { existsSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fault, ok, type Result } from '../../base/result.ts'
import { Btf, KIND } from './btf.ts'
import { parseBtfExt, type TypeRecords } from './btf_ext.ts'
import { type Elf, type ElfSymbol, parseElf, type Section, STT } from './elf.ts'
import type { MapSpec } from './map.ts'

/** A function's instructions, which others may call: an entry point, or a part of one. */
export type BpfFunction = {
  readonly name: string
  readonly section: Section
  /** Bytes into its section. */
  readonly start: number
  readonly size: number
  readonly entry: boolean
}

export type MapDefinition = MapSpec & { readonly keyType: number; readonly valueType: number }

/** .rodata, .data, .bss: one array map each, whose single value is the section. */
export type DataSection = {
  readonly section: Section
  readonly constant: boolean
  readonly variables: readonly ElfSymbol[]
}

export type BpfObject = {
  readonly name: string
  readonly elf: Elf
  readonly btf: Btf
  readonly records: TypeRecords
  readonly functions: readonly BpfFunction[]
  readonly maps: readonly MapDefinition[]
  readonly data: readonly DataSection[]
  readonly license: string
}

const isData = (name: string): boolean => /^\.(rodata|data|bss)(\.|$)/.test(name)

/** Beside the bundle in production, in dist/ when run from source. */
export function objectPath(name: string): string | undefined {
  return [`./bpf/${name}.o`, `../../../dist/bpf/${name}.o`]
    .map((p) => fileURLToPath(new URL(p, import.meta.url)))
    .find((p) => existsSync(p))
}

/** The object NAME of the datapath, built from bpf/NAME.bpf.c. */
export function readObject(name: string): Result<BpfObject> {
  const path = objectPath(name)
  if (!path) return fault('bpf-object', name, 'a built object', 'none', 'run «make build»')
  return readObjectFile(path)
}

export function readObjectFile(path: string): Result<BpfObject> {
  return parseObject(readFileSync(path), basename(path).replace(/(\.bpf)?\.o$/, ''))
}

export function parseObject(file: Buffer, name: string): Result<BpfObject> {
  const parsed = parseElf(file, name)
  if (!parsed.ok) return parsed
  const elf = parsed.value
  const btfSection = elf.sections.find((s) => s.name === '.BTF')
  const extSection = elf.sections.find((s) => s.name === '.BTF.ext')
  if (!btfSection || !extSection)
    return fault('bpf-object', name, 'BTF and BTF.ext sections', 'none', 'compile it with -g')
  // A copy: the sizes of data sections are put right before the kernel sees it.
  const btf = new Btf(Buffer.from(btfSection.bytes))
  const maps = mapDefinitions(btf, name)
  if (!maps.ok) return maps
  const license = elf.sections.find((s) => s.name === 'license')
  return ok({
    name,
    elf,
    btf,
    records: parseBtfExt(extSection.bytes, btf),
    functions: functionsOf(elf),
    maps: maps.value,
    data: dataSections(elf),
    license: license ? license.bytes.toString('latin1').replace(/\0.*$/s, '') : '',
  })
}

const functionsOf = (elf: Elf): BpfFunction[] =>
  elf.symbols.flatMap(({ name, type, section, value, size, local }) =>
    type === STT.FUNC && section?.executable
      ? [{ name, section, start: value, size, entry: section.name !== '.text' && !local }]
      : [],
  )

const dataSections = (elf: Elf): DataSection[] =>
  elf.sections
    .filter((s) => isData(s.name) && s.size > 0)
    .map((section) => ({
      section,
      constant: section.name.startsWith('.rodata'),
      variables: elf.symbols.filter((s) => s.section === section && s.type === STT.OBJECT),
    }))

/** Maps as bpf_helpers.h spells them: anonymous structs in `.maps`, whose members' types carry the numbers. */
function mapDefinitions(btf: Btf, object: string): Result<MapDefinition[]> {
  const section = btf.find(KIND.DATASEC, '.maps')
  const out: MapDefinition[] = []
  if (section === undefined) return ok(out)
  for (let i = 0; i < btf.memberCount(section); i++) {
    const variable = btf.word(section, 3 + i * 3)
    const definition = mapDefinition(btf, btf.name(variable), btf.resolved(btf.target(variable)))
    if (typeof definition === 'string')
      return fault(
        'bpf-object',
        `map ${btf.name(variable)} of ${object}`,
        'type, key, value, max_entries and map_flags alone',
        definition,
        'declare it with __uint and __type',
      )
    out.push(definition)
  }
  return ok(out)
}

/** `int (*name)[N]` means N. */
const numberOf = (btf: Btf, pointer: number): number =>
  btf.word(btf.resolved(btf.target(btf.resolved(pointer))), 5)

function mapDefinition(btf: Btf, name: string, struct: number): MapDefinition | string {
  const spec = { name, type: 0, keySize: 0, valueSize: 0, maxEntries: 0, flags: 0, keyType: 0, valueType: 0 }
  for (let i = 0; i < btf.memberCount(struct); i++) {
    const member = btf.member(struct, i)
    const pointed = btf.target(btf.resolved(member.type))
    switch (member.name) {
      case 'type':
        spec.type = numberOf(btf, member.type)
        break
      case 'max_entries':
        spec.maxEntries = numberOf(btf, member.type)
        break
      case 'map_flags':
        spec.flags = numberOf(btf, member.type)
        break
      case 'key_size':
        spec.keySize = numberOf(btf, member.type)
        break
      case 'value_size':
        spec.valueSize = numberOf(btf, member.type)
        break
      case 'key':
        spec.keyType = pointed
        spec.keySize = btf.size(pointed) ?? 0
        break
      case 'value':
        spec.valueType = pointed
        spec.valueSize = btf.size(pointed) ?? 0
        break
      case 'pinning':
        break
      default:
        return `a member «${member.name}»`
    }
  }
  return spec
}
