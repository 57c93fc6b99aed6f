// Server-side apply in a simple form: what a manager applies is merged by the shape's keys, and what it applied
// before but no longer does is removed, unless another manager applies it. Conflicts between managers are not raised.

import { equalJson, isList, isObject, type Json, type JsonObject } from './json.ts'
import { union } from './merge.ts'
import { type Definitions, fieldShape, type Shape } from './shape.ts'

/** The manager's earlier configuration and those of all others, for the removal of what nobody applies any more. */
export type Applied = { readonly before: Json | undefined; readonly others: readonly Json[] }

export function applyConfiguration(
  definitions: Definitions,
  shape: Shape,
  current: JsonObject,
  configuration: JsonObject,
  applied: Applied,
): JsonObject {
  const keepers = [configuration, ...applied.others]
  const pruned =
    applied.before === undefined ? current : prune(definitions, shape, current, applied.before, keepers)
  const merged = mergeInto(definitions, shape, pruned, configuration)
  return isObject(merged) ? merged : configuration
}

function mergeInto(definitions: Definitions, shape: Shape, target: Json | undefined, config: Json): Json {
  if (isObject(config)) {
    const base = isObject(target) ? target : {}
    const fields = Object.entries(config).flatMap(([key, value]) =>
      value === undefined
        ? []
        : [[key, mergeInto(definitions, fieldShape(definitions, shape, key), base[key], value)]],
    )
    return { ...base, ...Object.fromEntries(fields) }
  }
  if (!isList(config) || shape.is !== 'list' || shape.merge.kind === 'atomic' || !isList(target))
    return config
  if (shape.merge.kind === 'set') return union(target, config)
  const { keys } = shape.merge
  const out = [...target]
  for (const item of config) {
    const index = out.findIndex((candidate) => sameItem(candidate, item, keys))
    if (index < 0) out.push(item)
    else out[index] = mergeInto(definitions, shape.of, out[index], item)
  }
  return out
}

/** A missing `protocol` means TCP, the one key field with a default. */
const keyValue = (item: JsonObject, key: string): Json | undefined =>
  item[key] ?? (key === 'protocol' ? 'TCP' : undefined)

const sameItem = (a: Json, b: Json, keys: readonly string[]): boolean =>
  isObject(a) && isObject(b) && keys.every((key) => equalJson(keyValue(a, key), keyValue(b, key)))

/** `current` without what stands in `before` and in none of the keepers. */
function prune(
  definitions: Definitions,
  shape: Shape,
  current: Json,
  before: Json,
  keepers: readonly (Json | undefined)[],
): Json {
  if (isObject(current) && isObject(before)) {
    const entries = Object.entries(current).flatMap(([key, value]) => {
      const old = before[key]
      if (old === undefined || value === undefined) return [[key, value]]
      const kept = keepers.map((k) => (isObject(k) ? k[key] : undefined))
      if (kept.every((k) => k === undefined)) return []
      return [[key, prune(definitions, fieldShape(definitions, shape, key), value, old, kept)]]
    })
    return Object.fromEntries(entries)
  }
  if (!isList(current) || !isList(before) || shape.is !== 'list' || shape.merge.kind === 'atomic')
    return current
  const { merge, of } = shape
  const same = (a: Json, b: Json): boolean =>
    merge.kind === 'map' ? sameItem(a, b, merge.keys) : equalJson(a, b)
  const find = (list: Json | undefined, item: Json): Json | undefined =>
    isList(list) ? list.find((candidate) => same(candidate, item)) : undefined
  return current.flatMap((item) => {
    const old = find(before, item)
    if (old === undefined) return [item]
    const kept = keepers.map((k) => find(k, item))
    return kept.every((k) => k === undefined) ? [] : [prune(definitions, of, item, old, kept)]
  })
}
