// JSON Patch (RFC 6902) on immutable values.

import { err, ok, type Result } from '../../base/result.ts'
import { badRequest, type Failure } from './failures.ts'
import { equalJson, isList, isObject, type Json, textAt } from './json.ts'

/** All operations, or none: 422-worthy mistakes of the patch come back as 400 BadRequest. */
export function jsonPatch(target: Json, operations: Json): Result<Json, Failure> {
  if (!isList(operations)) return err(badRequest('a JSON patch is a list of operations'))
  let value = target
  for (const operation of operations) {
    const next = applyOne(value, operation)
    if (next === undefined)
      return err(badRequest(`the JSON patch cannot be applied: ${JSON.stringify(operation)}`))
    value = next
  }
  return ok(value)
}

function applyOne(target: Json, operation: Json): Json | undefined {
  if (!isObject(operation)) return undefined
  const path = pointer(textAt(operation, 'path'))
  const from = pointer(textAt(operation, 'from'))
  if (!path) return undefined
  const { value } = operation
  switch (operation.op) {
    case 'add':
      return value === undefined ? undefined : edit(target, path, () => value, 'insert')
    case 'replace':
      return value === undefined ? undefined : edit(target, path, () => value, 'present')
    case 'remove':
      return edit(target, path, () => undefined, 'present')
    case 'test':
      return equalJson(lookUp(target, path), value) ? target : undefined
    case 'copy':
    case 'move': {
      if (!from) return undefined
      const found = lookUp(target, from)
      if (found === undefined) return undefined
      const rest = operation.op === 'move' ? edit(target, from, () => undefined, 'present') : target
      return rest === undefined ? undefined : edit(rest, path, () => found, 'insert')
    }
    default:
      return undefined
  }
}

function pointer(text: string): readonly string[] | undefined {
  if (text === '') return []
  if (!text.startsWith('/')) return undefined
  return text
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function lookUp(target: Json, path: readonly string[]): Json | undefined {
  let here: Json | undefined = target
  for (const key of path) {
    if (isList(here)) here = here[Number(key)]
    else if (isObject(here) && Object.hasOwn(here, key)) here = here[key]
    else return undefined
  }
  return here
}

/** `insert`: a list grows at the index; `present`: the place must exist. Undefined when the place is not there. */
function edit(
  target: Json,
  path: readonly string[],
  change: () => Json | undefined,
  mode: 'insert' | 'present',
): Json | undefined {
  const [key, ...rest] = path
  if (key === undefined) return change()
  if (isList(target)) return editList(target, key, rest, change, mode)
  if (!isObject(target)) return undefined
  const present = Object.hasOwn(target, key) ? target[key] : undefined
  if (rest.length === 0) {
    if (mode === 'present' && present === undefined) return undefined
    const leaf = change()
    const { [key]: _old, ...others } = target
    return leaf === undefined ? others : { ...target, [key]: leaf }
  }
  if (present === undefined) return undefined
  const inner = edit(present, rest, change, mode)
  return inner === undefined ? undefined : { ...target, [key]: inner }
}

function editList(
  target: readonly Json[],
  key: string,
  rest: readonly string[],
  change: () => Json | undefined,
  mode: 'insert' | 'present',
): Json | undefined {
  const index = key === '-' ? target.length : /^(0|[1-9]\d*)$/.test(key) ? Number(key) : -1
  const last = rest.length === 0
  if (index < 0 || index > target.length) return undefined
  if (index === target.length && !(last && mode === 'insert')) return undefined
  const out = [...target]
  if (!last) {
    const inner = edit(target[index] ?? null, rest, change, mode)
    if (inner === undefined) return undefined
    out[index] = inner
    return out
  }
  const leaf = change()
  if (leaf === undefined) out.splice(index, 1)
  else out.splice(index, mode === 'insert' ? 0 : 1, leaf)
  return out
}
