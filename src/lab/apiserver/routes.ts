// From a path to the part of the server that answers it.

import { err, ok, type Result } from '../../base/result.ts'
import { type Answer, jsonAnswer, type Question } from './answer.ts'
import {
  aggregatedDocument,
  aggregatedType,
  discoveryDocument,
  serverVersion,
  wantedAggregation,
} from './discovery.ts'
import { type Failure, methodNotAllowed, noSuchPath } from './failures.ts'
import type { JsonObject } from './json.ts'
import { openApi2, openApi3, openApi3Index } from './openapi.ts'
import { openApi2Protobuf } from './openapi_protobuf.ts'
import { read } from './reading.ts'
import { parseAccept, parseTarget } from './request.ts'
import { type Writing, write } from './writing.ts'

/** Open to everybody, as in a cluster with the default roles. */
const PUBLIC: ReadonlySet<string> = new Set(['/healthz', '/livez', '/readyz', '/version'])

export const isPublic = (path: string): boolean => PUBLIC.has(path)

export type Routes = (question: Question) => Result<Answer, Failure>

export function createRoutes(writing: Writing): Routes {
  const openApi = openApiDocuments()
  return (question) => {
    const { path, method } = question
    const target = parseTarget(path)
    if (!target) return method === 'GET' ? document(question, openApi) : err(noSuchPath)
    const { resource, subresource } = target
    if (subresource !== '' && !(subresource === 'status' && resource.hasStatus)) return err(noSuchPath)
    if (method === 'GET') return read(writing.api.store, writing.lists, target, question)
    // Across namespaces one can only look.
    if (resource.namespaced && target.namespace === '') return err(methodNotAllowed)
    if (subresource !== '' && (method === 'POST' || method === 'DELETE')) return err(methodNotAllowed)
    return write(writing, target, question)
  }
}

function document(question: Question, openApi: OpenApi): Result<Answer, Failure> {
  const { path } = question
  const accept = parseAccept(question.accept)
  if (path === '/version' || path === '/version/') return ok(jsonAnswer(200, serverVersion))
  if (isPublic(path)) return ok({ is: 'text', code: 200, type: 'text/plain', body: 'ok' })
  if (path === '/openapi/v2') {
    const wanted = accept.some(({ type }) => type.startsWith(PROTOBUF_PREFIX))
    return ok(wanted ? openApi.protobuf() : openApi.json())
  }
  const v3 = path === '/openapi/v3' ? openApi3Index() : openApi3(path.replace(/^\/openapi\/v3\//, ''))
  if (v3) return ok(jsonAnswer(200, v3))
  const wanted = wantedAggregation(accept)
  const aggregated = wanted ? aggregatedDocument(path, wanted) : undefined
  if (wanted && aggregated) {
    return ok({ is: 'text', code: 200, type: aggregatedType(wanted), body: JSON.stringify(aggregated) })
  }
  const found: JsonObject | undefined = discoveryDocument(path)
  return found ? ok(jsonAnswer(200, found)) : err(noSuchPath)
}

const PROTOBUF_PREFIX = 'application/com.github.proto-openapi.spec.v2'
/** Clients ask for `spec.v2@v1.0`, but `@` is not allowed in a media type and they refuse it in the answer. */
const PROTOBUF = `${PROTOBUF_PREFIX}.v1.0+protobuf`

type OpenApi = { readonly json: () => Answer; readonly protobuf: () => Answer }

/** Made at the first request and kept: clients ask for it at every call. */
function openApiDocuments(): OpenApi {
  const kept = new Map<string, Answer>()
  const once = (key: string, make: () => Answer): Answer => {
    const found = kept.get(key) ?? make()
    kept.set(key, found)
    return found
  }
  return {
    json: () => once('json', () => jsonAnswer(200, openApi2())),
    protobuf: () =>
      once('protobuf', () => ({ is: 'text', code: 200, type: PROTOBUF, body: openApi2Protobuf(openApi2()) })),
  }
}
