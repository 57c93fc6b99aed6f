// The OpenAPI 2 document in protobuf (gnostic's openapi.v2.Document), the only form that kubectl before 1.26 reads.
// The numbers are those of gnostic's openapiv2/OpenAPIv2.proto.

import { isList, isObject, type Json, type JsonObject, listAt, objectAt, textAt } from './json.ts'
import { bool, encode, type Field, message, text } from './protobuf.ts'

export function openApi2Protobuf(document: JsonObject): Uint8Array {
  const { title, version } = objectAt(document, 'info')
  const paths = Object.entries(objectAt(document, 'paths')).map(([name, item]) =>
    message(2, [...text(1, name), message(2, pathItem(objectAt({ item }, 'item')))]),
  )
  return encode([
    ...text(1, textAt(document, 'swagger')),
    message(2, [...text(1, textAt({ title }, 'title')), ...text(2, textAt({ version }, 'version'))]),
    message(8, paths),
    message(9, namedSchemas(objectAt(document, 'definitions'))),
  ])
}

const namedSchemas = (schemas: JsonObject): readonly Field[] =>
  Object.entries(schemas).map(([name, s]) =>
    message(1, [...text(1, name), message(2, schema(objectAt({ s }, 's')))]),
  )

function schema(value: JsonObject): readonly Field[] {
  const { additionalProperties, properties, items } = value
  return [
    ...text(1, textAt(value, '$ref')),
    ...text(2, textAt(value, 'format')),
    ...text(4, textAt(value, 'description')),
    ...listAt(value, 'required').flatMap((name) => (typeof name === 'string' ? text(19, name) : [])),
    ...(isObject(additionalProperties) ? [message(21, [message(1, schema(additionalProperties))])] : []),
    ...(value.type === undefined ? [] : [message(22, text(1, textAt(value, 'type')))]),
    ...(isObject(items) ? [message(23, [message(1, schema(items))])] : []),
    ...(isObject(properties) ? [message(25, namedSchemas(properties))] : []),
    ...extensions(31, value),
  ]
}

/** Vendor extensions travel as YAML, of which JSON is a part. */
const extensions = (number: number, value: JsonObject): readonly Field[] =>
  Object.entries(value)
    .filter(([key]) => key.startsWith('x-'))
    .map(([key, v]) => message(number, [...text(1, key), message(2, text(2, `${yamlOf(v ?? null)}\n`))]))

const yamlOf = (value: Json): string => JSON.stringify(value)

function pathItem(item: JsonObject): readonly Field[] {
  const numbers = { post: 4, patch: 8 }
  return Object.entries(numbers).flatMap(([verb, number]) => {
    const found = item[verb]
    return isObject(found) ? [message(number, operation(found))] : []
  })
}

function operation(value: JsonObject): readonly Field[] {
  const texts = (number: number, key: string): readonly Field[] =>
    listAt(value, key).flatMap((item) => (typeof item === 'string' ? text(number, item) : []))
  const responses = Object.entries(objectAt(value, 'responses')).map(([code, r]) =>
    // Responses.response_code -> NamedResponseValue -> ResponseValue.response -> Response.description
    message(1, [...text(1, code), message(2, [message(1, text(1, textAt(r, 'description')))])]),
  )
  return [
    ...text(5, textAt(value, 'operationId')),
    ...texts(6, 'produces'),
    ...texts(7, 'consumes'),
    ...(isList(value.parameters) ? value.parameters.map((p) => message(8, queryParameter(p))) : []),
    message(9, responses),
    ...extensions(13, value),
  ]
}

/** ParametersItem.parameter -> Parameter.non_body_parameter -> NonBodyParameter.query_parameter_sub_schema. */
const queryParameter = (parameter: Json): readonly Field[] => [
  message(1, [
    message(2, [
      message(3, [
        ...text(2, textAt(parameter, 'in')),
        ...text(4, textAt(parameter, 'name')),
        ...text(6, textAt(parameter, 'type')),
        bool(20, true),
      ]),
    ]),
  ]),
]
