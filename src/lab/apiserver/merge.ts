// JSON merge patch (RFC 7386) and Kubernetes' strategic merge patch, which merges lists by the keys of the schema and
// knows the directives $patch, $retainKeys, $deleteFromPrimitiveList and $setElementOrder.

import { err, ok, type Result } from '../../base/result.ts'
import { badRequest, type Failure } from './failures.ts'
import { equalJson, isList, isObject, type Json, type JsonObject } from './json.ts'
import { type Definitions, fieldShape, type Shape } from './shape.ts'

export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch
  const out: Record<string, Json | undefined> = { ...(isObject(target) ? target : {}) }
  for (const [key, change] of Object.entries(patch)) {
    if (change === undefined) continue
    if (change === null) delete out[key]
    else out[key] = mergePatch(out[key], change)
  }
  return out
}

/** The patched object, or 400 when the patch does not fit the shape. `target` and `patch` stay untouched. */
export function strategicMerge(
  definitions: Definitions,
  shape: Shape,
  target: JsonObject,
  patch: JsonObject,
): Result<JsonObject, Failure> {
  try {
    return ok(mergeObject(definitions, shape, target, patch))
  } catch (e) {
    if (e instanceof BadPatch) return err(badRequest(e.message))
    throw e
  }
}

/** Carries the complaint out of the recursion; never leaves this module. */
class BadPatch extends Error {}

const ORDER = '$setElementOrder/'
const DELETE = '$deleteFromPrimitiveList/'

function mergeObject(
  definitions: Definitions,
  shape: Shape,
  target: JsonObject,
  patch: JsonObject,
): JsonObject {
  const directive = patch.$patch
  if (directive === 'delete') return {}
  const { $patch: _directive, $retainKeys: retain, ...changes } = patch
  if (directive === 'replace') return changes
  if (directive !== undefined && directive !== 'merge') throw new BadPatch(`unknown patch type: ${directive}`)
  let out: Record<string, Json | undefined> = { ...target }
  for (const [key, change] of Object.entries(changes)) {
    if (change === undefined || key.startsWith(ORDER)) continue
    if (key.startsWith(DELETE)) removeFromSet(out, key.slice(DELETE.length), change)
    else if (change === null) delete out[key]
    else out[key] = mergeField(definitions, fieldShape(definitions, shape, key), out[key], change)
  }
  for (const [key, order] of Object.entries(changes)) {
    if (key.startsWith(ORDER) && isList(order))
      orderList(definitions, shape, out, key.slice(ORDER.length), order)
  }
  if (isList(retain)) out = Object.fromEntries(Object.entries(out).filter(([key]) => retain.includes(key)))
  return out
}

function mergeField(definitions: Definitions, shape: Shape, target: Json | undefined, change: Json): Json {
  if (isObject(change)) {
    const merged = mergeObject(definitions, shape, isObject(target) ? target : {}, change)
    return isObject(target) ? merged : withoutNulls(merged)
  }
  if (!isList(change) || shape.is !== 'list' || shape.merge.kind === 'atomic') return change
  const present = isList(target) ? target : []
  if (shape.merge.kind === 'set') return union(present, change)
  return mergeKeyed(definitions, shape.of, shape.merge.patchKey, present, change)
}

/** What is new has nothing to delete: nulls inside it are not stored. */
function withoutNulls(value: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(value).flatMap(([k, v]) => (v === null ? [] : [[k, isObject(v) ? withoutNulls(v) : v]])),
  )
}

function mergeKeyed(
  definitions: Definitions,
  itemShape: Shape,
  key: string,
  present: readonly Json[],
  changes: readonly Json[],
): readonly Json[] {
  const items = changes.map((item) => {
    if (!isObject(item)) throw new BadPatch(`expected objects with the key ${key} in the list`)
    return item
  })
  const out = items.some((item) => item.$patch === 'replace') ? [] : [...present]
  for (const item of items) {
    if (item.$patch === 'replace') continue
    const wanted = item[key]
    if (wanted === undefined)
      throw new BadPatch(`map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`)
    const index = out.findIndex((candidate) => isObject(candidate) && equalJson(candidate[key], wanted))
    const found = index < 0 ? undefined : out[index]
    if (item.$patch === 'delete') {
      if (index >= 0) out.splice(index, 1)
    } else if (isObject(found)) out[index] = mergeObject(definitions, itemShape, found, item)
    else out.push(withoutNulls(mergeObject(definitions, itemShape, {}, item)))
  }
  return out
}

function removeFromSet(out: Record<string, Json | undefined>, field: string, gone: Json): void {
  if (!isList(gone)) throw new BadPatch(`${DELETE}${field} must be a list`)
  const present = out[field]
  if (isList(present)) out[field] = present.filter((item) => !gone.some((g) => equalJson(g, item)))
}

export const union = (a: readonly Json[], b: readonly Json[]): readonly Json[] => [
  ...a,
  ...b.filter((item) => !a.some((other) => equalJson(other, item))),
]

/** Items named by the order stand in that order; every other item stays behind the one it stood behind. */
function orderList(
  definitions: Definitions,
  shape: Shape,
  out: Record<string, Json | undefined>,
  field: string,
  order: readonly Json[],
): void {
  const list = out[field]
  const listShape = fieldShape(definitions, shape, field)
  if (!isList(list) || listShape.is !== 'list') return
  const key = listShape.merge.kind === 'map' ? listShape.merge.patchKey : undefined
  const identity = (item: Json): Json | undefined => (key !== undefined && isObject(item) ? item[key] : item)
  const rank = (item: Json): number => order.findIndex((o) => equalJson(identity(o), identity(item)))
  const ranked = list.filter((item) => rank(item) >= 0).sort((a, b) => rank(a) - rank(b))
  let next = 0
  out[field] = list.map((item) => (rank(item) >= 0 ? (ranked[next++] ?? item) : item))
}
