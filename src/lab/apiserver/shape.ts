// A small language for the shapes of API objects. One description serves strategic merge, server-side apply, the
// check for unknown fields and the OpenAPI documents.

export type Shape =
  | { readonly is: 'string' | 'integer' | 'boolean' | 'int-or-string' | 'time' | 'quantity' | 'bytes' }
  /** Anything: not described, not checked, merged like a plain JSON object. */
  | { readonly is: 'any' }
  /** Keys of any name, merged one by one. */
  | { readonly is: 'map'; readonly of: Shape }
  | { readonly is: 'list'; readonly of: Shape; readonly merge: ListMerge }
  /** Another definition by its name. */
  | { readonly is: 'ref'; readonly name: string }

export type ListMerge =
  | { readonly kind: 'atomic' }
  /** A set of strings (patchStrategy merge without a key). */
  | { readonly kind: 'set' }
  /** `patchKey` is the key of strategic merge, `keys` those of server-side apply. */
  | { readonly kind: 'map'; readonly patchKey: string; readonly keys: readonly string[] }

export type Definition = {
  readonly fields: Readonly<Record<string, Shape>>
  readonly required: readonly string[]
  readonly description: string
}

export type Definitions = Readonly<Record<string, Definition>>

export const string: Shape = { is: 'string' }
export const integer: Shape = { is: 'integer' }
export const boolean: Shape = { is: 'boolean' }
export const intOrString: Shape = { is: 'int-or-string' }
export const time: Shape = { is: 'time' }
export const quantity: Shape = { is: 'quantity' }
export const bytes: Shape = { is: 'bytes' }
export const any: Shape = { is: 'any' }

export const ref = (name: string): Shape => ({ is: 'ref', name })
export const mapOf = (of: Shape): Shape => ({ is: 'map', of })
export const listOf = (of: Shape): Shape => ({ is: 'list', of, merge: { kind: 'atomic' } })
export const setOf = (of: Shape): Shape => ({ is: 'list', of, merge: { kind: 'set' } })

/** A list whose items are found by a key, e.g. containers by name. */
export const keyed = (of: Shape, patchKey: string, ...more: readonly string[]): Shape => ({
  is: 'list',
  of,
  merge: { kind: 'map', patchKey, keys: [patchKey, ...more] },
})

export const define = (
  description: string,
  fields: Readonly<Record<string, Shape>>,
  ...required: readonly string[]
): Definition => ({ description, fields, required })

/** The shape of a field, seen from its parent; `any` where nothing is described. */
export function fieldShape(definitions: Definitions, shape: Shape, field: string): Shape {
  if (shape.is === 'map') return shape.of
  if (shape.is !== 'ref') return any
  const definition = definitions[shape.name]
  return definition && Object.hasOwn(definition.fields, field) ? (definition.fields[field] ?? any) : any
}
