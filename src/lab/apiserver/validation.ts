// What every object must satisfy: names (RFC 1123), labels, annotations; and the check of a body against the shape of
// its kind.

import type { FieldCause } from './failures.ts'
import { isList, isObject, type Json, type JsonObject } from './json.ts'
import type { KubeObject } from './object.ts'
import type { Resource } from './resource.ts'
import { type Definitions, fieldShape, type Shape } from './shape.ts'

const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const SERVICE = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/
const VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/
const QUALIFIED = /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/

export const isDnsLabel = (text: string): boolean => LABEL.test(text)

const NAME_RULES: Readonly<Record<Resource['nameRule'], readonly [(text: string) => boolean, string]>> = {
  label: [
    isDnsLabel,
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
  ],
  subdomain: [
    (text) => text.length <= 253 && SUBDOMAIN.test(text),
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
  ],
  service: [
    (text) => SERVICE.test(text),
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
  ],
}

const bad = (field: string, value: string, why: string): FieldCause => ({
  reason: 'FieldValueInvalid',
  field,
  message: `Invalid value: ${JSON.stringify(value)}: ${why}`,
})

export function metadataCauses(r: Resource, object: KubeObject): readonly FieldCause[] {
  const causes: FieldCause[] = []
  const { name } = object.metadata
  const [fits, rule] = NAME_RULES[r.nameRule]
  if (name === '') {
    const message = 'Required value: name or generateName is required'
    causes.push({ reason: 'FieldValueRequired', field: 'metadata.name', message })
  } else if (!fits(name)) causes.push(bad('metadata.name', name, rule))
  const { labels, annotations } = object.metadata
  for (const [key, value] of Object.entries(labels ?? {})) {
    if (!QUALIFIED.test(key)) causes.push(bad('metadata.labels', key, 'name part must be a qualified name'))
    if (typeof value !== 'string' || !VALUE.test(value)) {
      causes.push(
        bad(
          'metadata.labels',
          String(value),
          'a valid label must be an empty string or consist of alphanumeric characters',
        ),
      )
    }
  }
  for (const key of Object.keys(annotations ?? {})) {
    if (!QUALIFIED.test(key.toLowerCase())) {
      causes.push(bad('metadata.annotations', key, 'name part must be a qualified name'))
    }
  }
  return causes
}

export type ShapeComplaints = {
  /** Paths of fields that the shape does not know. */
  readonly unknown: readonly string[]
  /** Fields of another type than the shape says, in words. */
  readonly mistyped: readonly string[]
}

/** Compares a body with its shape. Null fits everywhere, as it does for Go's decoder. */
export function shapeComplaints(definitions: Definitions, shape: Shape, body: Json): ShapeComplaints {
  const unknown: string[] = []
  const mistyped: string[] = []
  const visit = (inner: Shape, value: Json, path: string): void => {
    if (value === null || inner.is === 'any') return
    const wanted = jsonTypeOf(inner)
    if (!wanted.includes(jsonType(value))) {
      mistyped.push(`cannot unmarshal ${jsonType(value)} into field ${path} of type ${inner.is}`)
    } else if (inner.is === 'list' && isList(value)) {
      for (const [i, item] of value.entries()) visit(inner.of, item, `${path}[${i}]`)
    } else if (isObject(value)) visitFields(inner, value, path)
  }
  const visitFields = (inner: Shape, value: JsonObject, path: string): void => {
    const known = inner.is === 'ref' ? definitions[inner.name]?.fields : undefined
    for (const [key, item] of Object.entries(value)) {
      const at = path === '' ? key : `${path}.${key}`
      if (known && !Object.hasOwn(known, key)) unknown.push(at)
      else if (item !== undefined) visit(fieldShape(definitions, inner, key), item, at)
    }
  }
  visit(shape, body, '')
  return { unknown, mistyped }
}

const jsonType = (value: Json): string => (isList(value) ? 'array' : value === null ? 'null' : typeof value)

function jsonTypeOf(shape: Shape): readonly string[] {
  switch (shape.is) {
    case 'integer':
      return ['number']
    case 'boolean':
      return ['boolean']
    case 'list':
      return ['array']
    case 'map':
    case 'ref':
      return ['object']
    case 'int-or-string':
    case 'quantity':
      return ['number', 'string']
    default:
      return ['string']
  }
}
