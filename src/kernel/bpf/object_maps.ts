// The maps that an object's programs use: those that the caller has already (from a pin, or of another object), and new
// ones for the rest. Constants get their values before the verifier sees them.

import { fault, ok, type Result } from '../../base/result.ts'
import type { ElfSymbol } from './elf.ts'
import { type BpfMap, createMap, MAP, MAP_FLAG, specDifference } from './map.ts'
import type { BpfObject, DataSection } from './object.ts'

/** Values of `const volatile` variables by name: numbers as wide as the variable, or its bytes. */
export type Constants = Readonly<Record<string, number | bigint | Buffer>>

export type ObjectMaps = {
  /** By name; data sections by section, as `.bss`. */
  readonly all: ReadonlyMap<string, BpfMap>
  /** The ones made here. */
  readonly created: readonly BpfMap[]
}

const ZERO_KEY = Buffer.alloc(4)

export function provideMaps(
  object: BpfObject,
  btfFd: number,
  given: ReadonlyMap<string, BpfMap>,
  constants: Constants,
): Result<ObjectMaps> {
  const all = new Map<string, BpfMap>()
  const created: BpfMap[] = []
  const done = fill(object, btfFd, given, constants, all, created)
  if (done.ok) return ok({ all, created })
  for (const map of created) map.close()
  return done
}

function fill(
  object: BpfObject,
  btfFd: number,
  given: ReadonlyMap<string, BpfMap>,
  constants: Constants,
  all: Map<string, BpfMap>,
  created: BpfMap[],
): Result<void> {
  const unknown = unknownConstant(object, constants)
  if (unknown)
    return fault(
      'bpf-object',
      `constant ${unknown} of ${object.name}`,
      'declared in C',
      'none',
      'compare the names',
    )
  for (const definition of object.maps) {
    const there = given.get(definition.name)
    const difference = there && specDifference(there.spec, definition)
    if (difference)
      return fault(
        'bpf-map-differs',
        `map ${definition.name} of ${object.name}`,
        'the layout that the program was built with',
        difference,
        'make a new map; its entries have another layout',
      )
    const map = there ? ok(there) : createMap(definition, { btfFd, ...definition })
    if (!map.ok) return map
    all.set(definition.name, map.value)
    if (!there) created.push(map.value)
  }
  for (const data of object.data) {
    const there = data.constant ? undefined : given.get(data.section.name)
    const map = there ? ok(there) : createDataMap(object, data, constants, created)
    if (!map.ok) return map
    all.set(data.section.name, map.value)
  }
  return ok(undefined)
}

function unknownConstant(object: BpfObject, constants: Constants): string | undefined {
  const known = new Set(object.data.filter((d) => d.constant).flatMap((d) => d.variables.map((v) => v.name)))
  return Object.keys(constants).find((name) => !known.has(name))
}

function createDataMap(
  object: BpfObject,
  data: DataSection,
  constants: Constants,
  created: BpfMap[],
): Result<BpfMap> {
  const map = createMap({
    name: `${object.name.slice(0, 7)}${data.section.name}`,
    type: MAP.ARRAY,
    keySize: ZERO_KEY.length,
    valueSize: data.section.size,
    maxEntries: 1,
    flags: data.constant ? MAP_FLAG.RDONLY_PROG : MAP_FLAG.MMAPABLE,
  })
  if (!map.ok) return map
  created.push(map.value)
  const written = map.value.update(ZERO_KEY, initialValue(data, constants))
  if (!written.ok) return written
  const frozen = data.constant ? map.value.freeze() : ok(undefined)
  return frozen.ok ? map : frozen
}

function initialValue(data: DataSection, constants: Constants): Buffer {
  const value = Buffer.from(data.section.bytes)
  for (const variable of data.variables) {
    const wanted = constants[variable.name]
    if (wanted !== undefined && data.constant) setVariable(value, variable, wanted)
  }
  return value
}

function setVariable(value: Buffer, variable: ElfSymbol, wanted: number | bigint | Buffer): void {
  if (!Buffer.isBuffer(wanted)) {
    // Little-endian, as every target of ours; negative numbers by their two's complement.
    const bits = BigInt.asUintN(variable.size * 8, BigInt(wanted))
    for (let i = 0; i < variable.size; i++)
      value[variable.value + i] = Number((bits >> BigInt(i * 8)) & 0xffn)
  } else if (wanted.length === variable.size) wanted.copy(value, variable.value)
  else throw new Error(`constant ${variable.name} has ${variable.size} bytes, not ${wanted.length}`)
}
