// Bodies of requests as JSON values.

import { parse as parseYaml } from 'yaml'
import { err, ok, type Result } from '../../base/result.ts'
import type { Question } from './answer.ts'
import { badRequest, type Failure, unsupportedMediaType } from './failures.ts'
import { isObject, type Json, type JsonObject, parseJson } from './json.ts'
import { parseProtobufBody } from './protobuf_body.ts'

/** JSON, YAML or protobuf, by the content type; an object in any case. */
export function parseBody(question: Question): Result<JsonObject, Failure> {
  const text = new TextDecoder().decode(question.body)
  const { contentType: type } = question
  if (type === PROTOBUF_TYPE) {
    const body = parseProtobufBody(question.body)
    return body.ok ? body : err(unsupportedMediaType(`${type}, ${body.error}`, BODY_TYPES))
  }
  try {
    const value = type.includes('yaml') ? (parseYaml(text) as Json) : parseJson(text)
    return isObject(value) ? ok(value) : err(badRequest('the body of the request must be an object'))
  } catch (e) {
    return err(
      badRequest(`the body of the request cannot be read: ${e instanceof Error ? e.message : String(e)}`),
    )
  }
}

const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf'
const BODY_TYPES = ['application/json', 'application/yaml', PROTOBUF_TYPE]

/** The body of POST and PUT. */
export function parseObject(question: Question): Result<JsonObject, Failure> {
  const type = question.contentType || 'application/json'
  return BODY_TYPES.includes(type) ? parseBody(question) : err(unsupportedMediaType(type, BODY_TYPES))
}

/** The body of a JSON patch. */
export function parseOperations(question: Question): Result<Json, Failure> {
  try {
    return ok(parseJson(new TextDecoder().decode(question.body)))
  } catch (e) {
    return err(
      badRequest(`the body of the request cannot be read: ${e instanceof Error ? e.message : String(e)}`),
    )
  }
}
