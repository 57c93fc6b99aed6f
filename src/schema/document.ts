// A YAML text checked against a valibot schema. What does not fit becomes one Fault that names file, line, full key
// path, the value found and, for an unknown key, the nearest known one.

import * as v from 'valibot'
import { type Document, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import { type Err, type Fault, fault, ok, type Result } from '../base/result.ts'
import { nearestKey } from './nearest.ts'

type Path = readonly (string | number)[]
type Issue = v.BaseIssue<unknown>

/** `source` is what a person calls the text: its file name. An empty text is an empty mapping. */
export function parseYaml<S extends v.GenericSchema>(
  schema: S,
  text: string,
  source: string,
): Result<v.InferOutput<S>> {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: '1.2' })
  const broken = document.errors[0]
  if (broken) {
    const where = `${source} line ${lines.linePos(broken.pos[0]).line}`
    return fault('bad-yaml', where, 'valid YAML', broken.message, 'correct the file')
  }
  let tree: unknown
  try {
    tree = document.toJS() ?? {}
  } catch (error) {
    // The library refuses texts whose aliases unfold beyond measure.
    return fault('bad-yaml', source, 'YAML of a sensible size', String(error), 'correct the file')
  }
  if (document.contents !== null && !isMap(document.contents))
    return fault('bad-yaml', `${source} line 1`, 'a mapping of keys', valueText(tree), 'correct the file')
  const parsed = v.safeParse(schema, tree)
  if (parsed.success) return ok(parsed.output)
  const where = (path: Path): string => `${source} line ${lineOf(document, lines, path)}`
  return issueFault(schema, parsed.issues, where)
}

function issueFault(
  schema: v.GenericSchema,
  issues: readonly [Issue, ...Issue[]],
  where: (path: Path) => string,
): Err<Fault> {
  // A misspelt key that is needed gives two issues, and the misspelling is the one that helps.
  const all = issues.map(innermost)
  const issue = all.find(isUnknownKey) ?? innermost(issues[0])
  const path = pathOf(issue)
  const key = keyText(path)
  const object = `${where(path)}, key ${key}`
  const rest = [...new Set(all.map((other) => keyText(pathOf(other))))].filter((k) => k !== key)
  const more = rest.length === 0 ? '' : `; also wrong: ${rest.slice(0, 5).join(', ')}`
  const last = issue.path?.at(-1)
  const value = last ? last.value : issue.input
  if (isUnknownKey(issue)) {
    const siblings = keysAt(schema, path.slice(0, -1))
    const nearest = nearestKey(String(path.at(-1)), siblings, allKeys(schema, ''))
    const wanted = nearest === undefined ? 'no key here' : `a known key; the nearest is ${nearest}`
    const next = `rename or remove it; known here: ${siblings.join(', ')}${more}`
    return fault('bad-config', object, wanted, `unknown key ${key} with value ${valueText(value)}`, next)
  }
  const wanted = wantedText(issue) ?? messageAt(schema, path) ?? 'a value'
  return fault('bad-config', object, wanted, valueText(value), `correct the value${more}`)
}

const isUnknownKey = (issue: Issue): boolean => issue.type === 'strict_object' && issue.expected === 'never'

/** Of a choice between a word and a mapping, what is wrong inside the mapping if one was given. */
function innermost(issue: Issue): Issue {
  const inner = issue.type === 'union' ? issue.issues?.find((i) => i.path !== undefined) : undefined
  if (!inner) return issue
  const path = [...(issue.path ?? []), ...(inner.path ?? [])]
  return isNotEmpty(path) ? { ...inner, path } : issue
}

const isNotEmpty = <T>(list: T[]): list is [T, ...T[]] => list.length > 0

/** Schemas here carry the wanted value as their message; the library's own messages are replaced by their core. */
function wantedText(issue: Issue): string | undefined {
  if (issue.type === 'strict_object') return issue.expected === 'Object' ? 'a mapping' : undefined
  if (issue.type === 'array') return 'a list'
  return issue.message.startsWith('Invalid ') ? (issue.expected ?? issue.message) : issue.message
}

function pathOf(issue: Issue): Path {
  return (issue.path ?? []).map((item) => (typeof item.key === 'number' ? item.key : String(item.key)))
}

const keyText = (path: Path): string =>
  path.length === 0
    ? '(the whole document)'
    : path.map((k, i) => (typeof k === 'number' ? `[${k}]` : i === 0 ? k : `.${k}`)).join('')

function valueText(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 120 ? `${text.slice(0, 117)}…` : text
}

/** The line of the deepest part of the path that the text has. */
function lineOf(document: Document, lines: LineCounter, path: Path): number {
  let node: unknown = document.contents
  let offset = 0
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find((p) => isScalar(p.key) && String(p.key.value) === String(key))
      if (!pair || !isScalar(pair.key)) break
      offset = pair.key.range?.[0] ?? offset
      node = pair.value
    } else if (isSeq(node) && typeof key === 'number') {
      node = node.items[key]
      if (isScalar(node) || isMap(node) || isSeq(node)) offset = node.range?.[0] ?? offset
    } else break
  }
  return lines.linePos(offset).line
}

/** The mappings inside a schema: of a list its item, of a choice every option. */
function mappingsOf(schema: unknown): readonly object[] {
  if (typeof schema !== 'object' || schema === null) return []
  if ('entries' in schema) return [schema]
  if ('wrapped' in schema) return mappingsOf(schema.wrapped)
  if ('item' in schema) return mappingsOf(schema.item)
  if ('options' in schema && Array.isArray(schema.options)) return schema.options.flatMap(mappingsOf)
  return []
}

function entriesOf(schema: unknown): readonly (readonly [string, unknown])[] {
  const seen = new Map<string, unknown>()
  for (const mapping of mappingsOf(schema))
    if ('entries' in mapping && typeof mapping.entries === 'object' && mapping.entries !== null)
      for (const [key, inner] of Object.entries(mapping.entries)) seen.set(key, inner)
  return [...seen]
}

function schemaAt(schema: unknown, path: Path): unknown {
  let at = schema
  for (const key of path) if (typeof key === 'string') at = new Map(entriesOf(at)).get(key)
  return at
}

/** What a missing value would have had to be. */
function messageAt(schema: unknown, path: Path): string | undefined {
  const at = schemaAt(schema, path)
  if (typeof at !== 'object' || at === null) return undefined
  if ('message' in at && typeof at.message === 'string') return at.message
  return 'type' in at && at.type === 'array' ? 'a list' : undefined
}

function keysAt(schema: unknown, path: Path): readonly string[] {
  const prefix = path.length === 0 ? '' : `${keyText(path)}.`
  return entriesOf(schemaAt(schema, path)).map(([key]) => prefix + key)
}

function allKeys(schema: unknown, prefix: string): readonly string[] {
  return entriesOf(schema).flatMap(([key, inner]) => [prefix + key, ...allKeys(inner, `${prefix}${key}.`)])
}
