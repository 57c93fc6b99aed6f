// OpenAPI documents out of the table of resources and the shapes: version 2 (one for all, JSON and protobuf) and
// version 3 (one per API version). kubectl reads from them how lists merge, which fields exist and what dry-run needs.

import { definitions } from './definitions.ts'
import type { Json, JsonObject } from './json.ts'
import { apiVersionOf, type Resource } from './resource.ts'
import { resources } from './resources.ts'
import type { Definition, Shape } from './shape.ts'

const fullName = (name: string): string => `io.k8s.${name}`

/** How references are written: `#/definitions/` in version 2, `#/components/schemas/` in version 3. */
type Prefix = '#/definitions/' | '#/components/schemas/'

const FORMATS: Readonly<Record<string, JsonObject>> = {
  string: { type: 'string' },
  integer: { type: 'integer', format: 'int64' },
  boolean: { type: 'boolean' },
  'int-or-string': { type: 'string', format: 'int-or-string' },
  quantity: { type: 'string' },
  time: { type: 'string', format: 'date-time' },
  bytes: { type: 'string', format: 'byte' },
  any: { type: 'object' },
}

function schemaOf(shape: Shape, prefix: Prefix): JsonObject {
  switch (shape.is) {
    case 'ref':
      return { $ref: `${prefix}${fullName(shape.name)}` }
    case 'map':
      return { type: 'object', additionalProperties: schemaOf(shape.of, prefix) }
    case 'list':
      return { type: 'array', items: schemaOf(shape.of, prefix), ...mergeExtensions(shape.merge) }
    default:
      return FORMATS[shape.is] ?? {}
  }
}

function mergeExtensions(merge: Extract<Shape, { is: 'list' }>['merge']): JsonObject {
  switch (merge.kind) {
    case 'atomic':
      return { 'x-kubernetes-list-type': 'atomic' }
    case 'set':
      return { 'x-kubernetes-list-type': 'set', 'x-kubernetes-patch-strategy': 'merge' }
    case 'map':
      return {
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': merge.keys,
        'x-kubernetes-patch-merge-key': merge.patchKey,
        'x-kubernetes-patch-strategy': 'merge',
      }
  }
}

const kindOf = (r: Resource): JsonObject => ({ group: r.group, kind: r.kind, version: r.version })

function definitionSchema(name: string, definition: Definition, prefix: Prefix): JsonObject {
  const kinds = resources.filter((r) => r.definition === name).map(kindOf)
  return {
    description: definition.description,
    type: 'object',
    properties: Object.fromEntries(
      Object.entries(definition.fields).map(([k, v]) => [k, schemaOf(v, prefix)]),
    ),
    ...(definition.required.length > 0 ? { required: definition.required } : {}),
    ...(kinds.length > 0 ? { 'x-kubernetes-group-version-kind': kinds } : {}),
  }
}

const schemas = (prefix: Prefix): JsonObject =>
  Object.fromEntries(
    Object.entries(definitions).map(([k, v]) => [fullName(k), definitionSchema(k, v, prefix)]),
  )

const PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
]

const QUERY = ['dryRun', 'fieldManager', 'fieldValidation']

function collectionPath(r: Resource): string {
  const root = r.group === '' ? '/api' : `/apis/${r.group}`
  return `${root}/${r.version}/${r.namespaced ? 'namespaces/{namespace}/' : ''}${r.plural}`
}

/** Version 2 operations; kubectl looks only at kinds and at the query parameters of POST and PATCH. */
function operations2(r: Resource): readonly (readonly [string, JsonObject])[] {
  const parameters = QUERY.map((name) => ({ name, in: 'query', type: 'string', uniqueItems: true }))
  const operation = (id: string, consumes: readonly Json[]): JsonObject => ({
    operationId: `${id}${r.group}${r.version}${r.namespaced ? 'Namespaced' : ''}${r.kind}`,
    consumes,
    produces: ['application/json'],
    parameters,
    responses: { 200: { description: 'OK' } },
    'x-kubernetes-group-version-kind': kindOf(r),
  })
  return [
    [collectionPath(r), { post: operation('create', ['application/json']) }],
    [`${collectionPath(r)}/{name}`, { patch: operation('patch', PATCH_TYPES) }],
  ]
}

export const openApi2 = (): JsonObject => ({
  swagger: '2.0',
  info: { title: 'Podlane lab', version: 'v1.32.4' },
  paths: Object.fromEntries(resources.flatMap(operations2)),
  definitions: schemas('#/definitions/'),
})

const documentPath = (r: Resource): string =>
  r.group === '' ? `api/${r.version}` : `apis/${r.group}/${r.version}`

/** The list of version 3 documents, at /openapi/v3. */
export const openApi3Index = (): JsonObject => ({
  paths: Object.fromEntries(
    resources.map((r) => [documentPath(r), { serverRelativeURL: `/openapi/v3/${documentPath(r)}` }]),
  ),
})

function operations3(r: Resource): readonly (readonly [string, JsonObject])[] {
  const reference = { $ref: `#/components/schemas/${fullName(r.definition)}` }
  const parameters = QUERY.map((name) => ({
    name,
    in: 'query',
    schema: { type: 'string', uniqueItems: true },
  }))
  const operation = (action: string, types: readonly string[]): JsonObject => ({
    parameters,
    requestBody: { content: Object.fromEntries(types.map((type) => [type, { schema: reference }])) },
    responses: { 200: { description: 'OK', content: { 'application/json': { schema: reference } } } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': kindOf(r),
  })
  return [
    [collectionPath(r), { post: operation('post', ['application/json']) }],
    [`${collectionPath(r)}/{name}`, { patch: operation('patch', PATCH_TYPES) }],
  ]
}

/** The document at `/openapi/v3/api/v1` or `/openapi/v3/apis/GROUP/VERSION`; `path` without the first part. */
export function openApi3(path: string): JsonObject | undefined {
  const rows = resources.filter((r) => documentPath(r) === path)
  const [first] = rows
  if (!first) return undefined
  return {
    openapi: '3.0.0',
    info: { title: `Podlane lab ${apiVersionOf(first)}`, version: 'v1.32.4' },
    paths: Object.fromEntries(rows.flatMap(operations3)),
    components: { schemas: schemas('#/components/schemas/') },
  }
}
