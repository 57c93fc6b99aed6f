// JSON.parse as a Result, and the few fields that every answer of the API has, whatever else came.

import { fault, ok, type Result } from '../../base/result.ts'

export function parseJson(text: string, object: string): Result<unknown> {
  try {
    return ok(JSON.parse(text))
  } catch (error) {
    // JSON.parse names the place; the text itself may hold secrets of other objects and is not repeated.
    return fault('bad-json', object, 'JSON', String(error).slice(0, 200), 'it is asked for again')
  }
}

export function field(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
  return Reflect.get(value, key)
}

/** Empty for what is no text. */
export function textField(value: unknown, key: string): string {
  const text = field(value, key)
  return typeof text === 'string' ? text : ''
}

export const resourceVersionOf = (object: unknown): string =>
  textField(field(object, 'metadata'), 'resourceVersion')
