// JSON values as readonly data and the few ways to look into them and to make changed copies. Nothing here changes
// a value in place: stored objects are shared by lists, watches and history.

export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export type JsonObject = { readonly [key: string]: Json | undefined }

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const isList = (value: Json | undefined): value is readonly Json[] => Array.isArray(value)

/** The parser of everything that arrives as text; throws SyntaxError as JSON.parse does. */
export const parseJson = (text: string): Json => JSON.parse(text) as Json

export function at(value: Json | undefined, ...path: readonly string[]): Json | undefined {
  let here = value
  for (const key of path) {
    if (!isObject(here) || !Object.hasOwn(here, key)) return undefined
    here = here[key]
  }
  return here
}

/** The text at the path, a number or boolean as text, and '' for everything else. */
export function textAt(value: Json | undefined, ...path: readonly string[]): string {
  const found = at(value, ...path)
  if (typeof found === 'string') return found
  return typeof found === 'number' || typeof found === 'boolean' ? String(found) : ''
}

export function numberAt(value: Json | undefined, ...path: readonly string[]): number | undefined {
  const found = at(value, ...path)
  return typeof found === 'number' ? found : undefined
}

export function objectAt(value: Json | undefined, ...path: readonly string[]): JsonObject {
  const found = at(value, ...path)
  return isObject(found) ? found : {}
}

export function listAt(value: Json | undefined, ...path: readonly string[]): readonly Json[] {
  const found = at(value, ...path)
  return isList(found) ? found : []
}

/** The string values of an object, as labels and annotations are. */
export function textsOf(value: Json | undefined): Readonly<Record<string, string>> {
  if (!isObject(value)) return {}
  return Object.fromEntries(
    Object.entries(value).flatMap(([k, v]) => (typeof v === 'string' ? [[k, v]] : [])),
  )
}

/** A copy with the value at the path, made where it is missing; `undefined` removes the key. */
export function withAt(value: JsonObject, path: readonly string[], leaf: Json | undefined): JsonObject {
  const [key, ...rest] = path
  if (key === undefined) return value
  if (rest.length > 0) return { ...value, [key]: withAt(objectAt(value, key), rest, leaf) }
  return leaf === undefined ? without(value, key) : { ...value, [key]: leaf }
}

export function without(value: JsonObject, key: string): JsonObject {
  const { [key]: _gone, ...rest } = value
  return rest
}

/** Deep equality; an absent key and an `undefined` one are the same. */
export function equalJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true
  if (isList(a) && isList(b)) return a.length === b.length && a.every((item, i) => equalJson(item, b[i]))
  if (!isObject(a) || !isObject(b)) return false
  for (const key of Object.keys(a)) if (!equalJson(a[key], b[key])) return false
  for (const key of Object.keys(b)) if (b[key] !== undefined && a[key] === undefined) return false
  return true
}
