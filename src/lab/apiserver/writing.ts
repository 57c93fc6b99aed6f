// POST, PUT, PATCH and DELETE: bodies in, objects or Status out.

import { err, ok, type Result } from '../../base/result.ts'
import { type Answer, jsonAnswer, type Question } from './answer.ts'
import type { AppliedConfigurations } from './applied.ts'
import { applyConfiguration } from './apply.ts'
import { parseBody, parseObject, parseOperations } from './body.ts'
import { definitions } from './definitions.ts'
import { badRequest, type Failure, methodNotAllowed, unsupportedMediaType } from './failures.ts'
import { isObject, type Json, type JsonObject, listAt, numberAt, textAt } from './json.ts'
import { jsonPatch } from './json_patch.ts'
import { type Lists, parseSelectors } from './lists.ts'
import { mergePatch, strategicMerge } from './merge.ts'
import { type KubeObject, kubeObject } from './object.ts'
import { shown } from './reading.ts'
import type { DeleteOptions } from './removal.ts'
import type { Target } from './request.ts'
import { apiVersionOf, type Resource, storageOf } from './resource.ts'
import { everything } from './selectors.ts'
import { ref } from './shape.ts'
import { shapeComplaints } from './validation.ts'
import type { Api, WriteOptions } from './verbs.ts'

export type Writing = { readonly api: Api; readonly lists: Lists; readonly applied: AppliedConfigurations }

type Said = Result<Answer, Failure>

export function write(writing: Writing, target: Target, question: Question): Said {
  const { name } = target
  switch (question.method) {
    case 'POST':
      return name === '' ? post(writing, target, question) : err(methodNotAllowed)
    case 'PUT':
      return name === '' ? err(methodNotAllowed) : put(writing, target, question)
    case 'PATCH':
      return name === '' ? err(methodNotAllowed) : patch(writing, target, question)
    case 'DELETE':
      return name === '' ? removeAll(writing, target, question) : removeOne(writing, target, question)
    default:
      return err(methodNotAllowed)
  }
}

const writeOptions = (target: Target, question: Question): WriteOptions => ({
  dryRun: question.query.getAll('dryRun').includes('All'),
  status: target.subresource === 'status',
})

/** fieldValidation: Strict refuses unknown fields, Warn (the default) tells of them, Ignore does not look. */
function unknownFields(r: Resource, body: Json, query: URLSearchParams): Result<readonly string[], Failure> {
  const mode = query.get('fieldValidation') || 'Warn'
  if (mode === 'Ignore') return ok([])
  const texts = shapeComplaints(definitions, ref(r.definition), body).unknown.map(
    (f) => `unknown field "${f}"`,
  )
  if (mode !== 'Strict' || texts.length === 0) return ok(texts)
  const why = `strict decoding error: ${texts.join(', ')}`
  return err(badRequest(`${r.kind} in version "${r.version}" cannot be handled as a ${r.kind}: ${why}`))
}

function post({ api }: Writing, target: Target, question: Question): Said {
  const { resource: r } = target
  const body = parseObject(question)
  if (!body.ok) return body
  const warnings = unknownFields(r, body.value, question.query)
  if (!warnings.ok) return warnings
  const namespace =
    target.namespace || (r.namespaced ? textAt(body.value, 'metadata', 'namespace') || 'default' : '')
  const made = api.create(r, namespace, body.value, writeOptions(target, question))
  return made.ok ? ok(jsonAnswer(201, shown(r, made.value), warnings.value)) : made
}

function put({ api }: Writing, target: Target, question: Question): Said {
  const { resource: r, namespace, name } = target
  const body = parseObject(question)
  if (!body.ok) return body
  const warnings = unknownFields(r, body.value, question.query)
  if (!warnings.ok) return warnings
  const done = api.update(r, namespace, name, () => body, writeOptions(target, question))
  return done.ok ? ok(jsonAnswer(200, shown(r, done.value), warnings.value)) : done
}

const PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
]

function patch(writing: Writing, target: Target, question: Question): Said {
  const { resource: r, namespace, name } = target
  if (question.contentType === 'application/apply-patch+yaml')
    return serverSideApply(writing, target, question)
  let warnings: readonly string[] = []
  const change = (current: KubeObject): Result<JsonObject, Failure> => {
    const next = patched(r, current, question)
    if (!next.ok) return next
    const unknown = unknownFields(r, next.value, question.query)
    if (!unknown.ok) return unknown
    warnings = unknown.value
    return next
  }
  const done = writing.api.update(r, namespace, name, change, writeOptions(target, question))
  return done.ok ? ok(jsonAnswer(200, shown(r, done.value), warnings)) : done
}

function patched(r: Resource, current: KubeObject, question: Question): Result<JsonObject, Failure> {
  const asObject = (value: Json): Result<JsonObject, Failure> =>
    isObject(value) ? ok(value) : err(badRequest('the patch leaves no object'))
  if (question.contentType === 'application/json-patch+json') {
    const operations = parseOperations(question)
    const value = operations.ok ? jsonPatch(current, operations.value) : operations
    return value.ok ? asObject(value.value) : value
  }
  const body = parseBody(question)
  if (!body.ok) return body
  switch (question.contentType) {
    case 'application/merge-patch+json':
      return asObject(mergePatch(current, body.value))
    case 'application/strategic-merge-patch+json':
      return strategicMerge(definitions, ref(r.definition), current, body.value)
    default:
      return err(unsupportedMediaType(question.contentType, PATCH_TYPES))
  }
}

function serverSideApply(writing: Writing, target: Target, question: Question): Said {
  const { resource: r, namespace, name } = target
  const { api, applied } = writing
  const manager = question.query.get('fieldManager') ?? ''
  if (manager === '') return err(badRequest('fieldManager is required for apply patch'))
  const body = parseBody(question)
  if (!body.ok) return body
  const warnings = unknownFields(r, body.value, question.query)
  if (!warnings.ok) return warnings
  const options = writeOptions(target, question)
  const exists = api.store.get(storageOf(r), namespace, name) !== undefined
  const done = exists
    ? api.update(
        r,
        namespace,
        name,
        (current) =>
          ok(
            applyConfiguration(
              definitions,
              ref(r.definition),
              current,
              body.value,
              applied.of(current.metadata.uid ?? '', manager),
            ),
          ),
        options,
      )
    : api.create(r, namespace, named(body.value, name), options)
  if (!done.ok) return done
  if (!options.dryRun) applied.remember(done.value.metadata.uid ?? '', manager, body.value)
  return ok(jsonAnswer(exists ? 200 : 201, shown(r, done.value), warnings.value))
}

const named = (body: JsonObject, name: string): JsonObject => {
  const object = kubeObject(body)
  return { ...object, metadata: { ...object.metadata, name } }
}

function deleteOptions(question: Question): Result<DeleteOptions, Failure> {
  const body = question.body.length > 0 ? parseBody(question) : ok<JsonObject>({})
  if (!body.ok) return body
  const asked = question.query.get('gracePeriodSeconds')
  const uid = textAt(body.value, 'preconditions', 'uid')
  const resourceVersion = textAt(body.value, 'preconditions', 'resourceVersion')
  return ok({
    dryRun: question.query.getAll('dryRun').includes('All') || listAt(body.value, 'dryRun').includes('All'),
    gracePeriodSeconds: numberAt(body.value, 'gracePeriodSeconds') ?? (asked ? Number(asked) : undefined),
    ...(uid ? { uid } : {}),
    ...(resourceVersion ? { resourceVersion } : {}),
  })
}

function removeOne({ api, applied }: Writing, target: Target, question: Question): Said {
  const { resource: r, namespace, name } = target
  const options = deleteOptions(question)
  if (!options.ok) return options
  const done = api.remove(r, namespace, name, options.value)
  if (!done.ok) return done
  const { object, gone } = done.value
  if (!gone) return ok(jsonAnswer(200, shown(r, object)))
  const uid = object.metadata.uid ?? ''
  applied.forget(uid)
  const details = { name, ...(r.group === '' ? {} : { group: r.group }), kind: r.plural, uid }
  return ok(jsonAnswer(200, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details }))
}

function removeAll({ api, applied }: Writing, target: Target, question: Question): Said {
  const { resource: r, namespace } = target
  const options = deleteOptions(question)
  if (!options.ok) return options
  const matches = parseSelectors(r, question.query)
  if (!matches.ok) return matches
  const all = api.store.list(storageOf(r), namespace)
  const chosen = matches.value === everything ? all : all.filter(matches.value)
  for (const object of chosen) {
    const done = api.remove(r, object.metadata.namespace ?? '', object.metadata.name, options.value)
    if (!done.ok) return done
    if (done.value.gone) applied.forget(object.metadata.uid ?? '')
  }
  const items = chosen.map((o) => shown(r, o))
  return ok(jsonAnswer(200, { kind: `${r.kind}List`, apiVersion: apiVersionOf(r), metadata: {}, items }))
}
