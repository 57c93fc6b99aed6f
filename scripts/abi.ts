// Reads bpf/abi.h and writes src/apply/fast_lane/abi.ts: offsets of every field, values and words of every constant.
// The header is our own and plain: structs of fixed-size members and arrays, enums with simple values.

import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

type Field = { readonly name: string; readonly at: number; readonly size: number; readonly count: number }
type Struct = {
  readonly name: string
  readonly size: number
  readonly align: number
  readonly fields: Field[]
}

const SIZES: Readonly<Record<string, number>> = { __u8: 1, __u16: 2, __u32: 4, __u64: 8 }
const HEAD =
  '// Generated from bpf/abi.h by `make abi`. Do not edit: what the programs and the agent share stands there.\n'

const root = new URL('..', import.meta.url)
const file = (path: string): string => fileURLToPath(new URL(path, root))

export function abiText(header: string): string {
  const defines = new Map<string, number>()
  for (const [, name = '', value = ''] of header.matchAll(/^#define (\w+) (\d+)$/gm))
    defines.set(name, Number(value))
  const structs = new Map<string, Struct>()
  for (const [, name = '', body = '', tail = ''] of header.matchAll(/^struct (\w+) \{\n(.*?)^\}([^\n]*);/gms))
    structs.set(name, structOf(name, body, tail, structs, defines))
  const enums = [...header.matchAll(/^enum (\w+) \{\n(.*?)^\};/gms)].map(([, name = '', body = '']) =>
    enumOf(name, body),
  )
  return [
    HEAD,
    ...[...defines].map(([name, value]) => `export const ${name} = ${value}`),
    '',
    ...enums.flatMap((e) => [e, '']),
    '/** Where each field stands: offset, bytes of one element, number of elements. */',
    'export const layouts = {',
    ...[...structs.values()].map(structText),
    '} as const',
    '',
  ].join('\n')
}

function structOf(
  name: string,
  body: string,
  tail: string,
  structs: ReadonlyMap<string, Struct>,
  defines: ReadonlyMap<string, number>,
): Struct {
  const fields: Field[] = []
  let at = 0
  let align = Number(/aligned\((\d+)\)/.exec(tail)?.[1] ?? 1)
  for (const [, struct, type = '', field = '', dimensions = ''] of body.matchAll(
    /^\t(struct )?(\w+) (\w+)((?:\[\w+\])*);/gm,
  )) {
    const inner = struct ? structs.get(type) : undefined
    const size = inner?.size ?? SIZES[type]
    if (size === undefined) throw new Error(`${name}.${field}: no such type ${type}`)
    const fieldAlign = inner?.align ?? size
    const count = [...dimensions.matchAll(/\[(\w+)\]/g)]
      .map(([, n = '']) => defines.get(n) ?? Number(n))
      .reduce((a, b) => a * b, 1)
    at = Math.ceil(at / fieldAlign) * fieldAlign
    fields.push({ name: field, at, size, count })
    at += size * count
    align = Math.max(align, fieldAlign)
  }
  return { name, size: Math.ceil(at / align) * align, align, fields }
}

const structText = (s: Struct): string =>
  [
    `  ${s.name}: {`,
    `    size: ${s.size},`,
    ...s.fields.map((f) => `    ${f.name}: { at: ${f.at}, size: ${f.size}, count: ${f.count} },`),
    '  },',
  ].join('\n')

/** Values by name; and where every constant has a comment, its words. */
function enumOf(name: string, body: string): string {
  const rows: { name: string; value: number; words: string | undefined }[] = []
  let next = 0
  for (const [, constant = '', value, words] of body.matchAll(/^\t(\w+)(?: = (\d+))?,(?:\s*\/\/ (.*))?$/gm)) {
    next = value === undefined ? next : Number(value)
    rows.push({ name: constant, value: next++, words })
  }
  const values = rows.map((r) => `  ${r.name}: ${r.value},`)
  const told = rows.filter((r) => r.words !== undefined && r.value > 0)
  const texts = told.map((r) => `  [${r.value}, [${quoted(r.name)}, ${quoted(r.words ?? '')}]],`)
  const camel = name.replaceAll(/_(\w)/g, (_, c: string) => c.toUpperCase())
  return [
    `export const ${camel} = {`,
    ...values,
    '} as const',
    ...(name === 'reason'
      ? [
          '',
          `/** Name and words by number. */`,
          `export const ${camel}Words: ReadonlyMap<number, readonly [name: string, words: string]> = new Map([`,
          ...texts,
          '])',
        ]
      : []),
  ].join('\n')
}

const quoted = (text: string): string => `'${text.replaceAll("'", '’')}'`

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(file('src/apply/fast_lane/abi.ts'), abiText(readFileSync(file('bpf/abi.h'), 'utf8')))
