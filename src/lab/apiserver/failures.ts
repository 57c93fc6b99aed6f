// Why a request cannot be served, as Kubernetes says it: the Status object (meta/v1) with code, reason, message and
// details. Clients act on reason and code, people read the message, so the wording follows the real server.

import type { JsonObject } from './json.ts'

export type Failure = {
  /** HTTP status. */
  readonly code: number
  readonly reason: string
  readonly message: string
  readonly details?: JsonObject
}

/** What a failure needs to know of a resource. */
export type ResourceName = { readonly group: string; readonly plural: string; readonly kind: string }

/** One wrong field of an object. */
export type FieldCause = {
  readonly reason: 'FieldValueRequired' | 'FieldValueInvalid' | 'FieldValueDuplicate' | 'FieldValueForbidden'
  /** Path such as `spec.containers[0].name`. */
  readonly field: string
  readonly message: string
}

/** `pods`, or `networkpolicies.networking.k8s.io` outside the core group. */
export const qualifiedName = (r: ResourceName): string =>
  r.group === '' ? r.plural : `${r.plural}.${r.group}`

const detailsOf = (r: ResourceName, name: string): JsonObject => ({
  name,
  ...(r.group === '' ? {} : { group: r.group }),
  kind: r.plural,
})

export const notFound = (r: ResourceName, name: string): Failure => ({
  code: 404,
  reason: 'NotFound',
  message: `${qualifiedName(r)} "${name}" not found`,
  details: detailsOf(r, name),
})

export const alreadyExists = (r: ResourceName, name: string): Failure => ({
  code: 409,
  reason: 'AlreadyExists',
  message: `${qualifiedName(r)} "${name}" already exists`,
  details: detailsOf(r, name),
})

export const conflict = (r: ResourceName, name: string, why = STALE): Failure => ({
  code: 409,
  reason: 'Conflict',
  message: `Operation cannot be fulfilled on ${qualifiedName(r)} "${name}": ${why}`,
  details: detailsOf(r, name),
})

const STALE = 'the object has been modified; please apply your changes to the latest version and try again'

export function invalid(r: ResourceName, name: string, causes: readonly FieldCause[]): Failure {
  const lines = causes.map((c) => `${c.field}: ${c.message}`)
  return {
    code: 422,
    reason: 'Invalid',
    message: `${r.group === '' ? r.kind : `${r.kind}.${r.group}`} "${name}" is invalid: ${
      lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`
    }`,
    details: { ...detailsOf(r, name), kind: r.kind, causes: causes.map((c) => ({ ...c })) },
  }
}

export const forbidden = (
  r: ResourceName,
  name: string,
  why: string,
  causes: readonly JsonObject[] = [],
): Failure => ({
  code: 403,
  reason: 'Forbidden',
  message: `${qualifiedName(r)} "${name}" is forbidden: ${why}`,
  details: { ...detailsOf(r, name), ...(causes.length > 0 ? { causes } : {}) },
})

export const badRequest = (message: string): Failure => ({ code: 400, reason: 'BadRequest', message })

export const expired = (message: string): Failure => ({ code: 410, reason: 'Expired', message })

export const tooOld = (asked: number, oldest: number): Failure =>
  expired(`too old resource version: ${asked} (${oldest})`)

/** The asked revision lies in the future: the real server waits a little and then says this. */
export const tooLarge = (asked: number, current: number): Failure => ({
  code: 504,
  reason: 'Timeout',
  message: `Timeout: Too large resource version: ${asked}, current: ${current}`,
  details: {
    retryAfterSeconds: 1,
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
  },
})

export const unauthorized: Failure = { code: 401, reason: 'Unauthorized', message: 'Unauthorized' }

export const noSuchPath: Failure = {
  code: 404,
  reason: 'NotFound',
  message: 'the server could not find the requested resource',
  details: {},
}

export const methodNotAllowed: Failure = {
  code: 405,
  reason: 'MethodNotAllowed',
  message: 'the server does not allow this method on the requested resource',
  details: {},
}

export const unsupportedMediaType = (found: string, wanted: readonly string[]): Failure => ({
  code: 415,
  reason: 'UnsupportedMediaType',
  message: `the body of the request was in an unknown format (${found}) - accepted media types include: ${wanted.join(', ')}`,
})

export const notAcceptable: Failure = {
  code: 406,
  reason: 'NotAcceptable',
  message: 'only the following media types are accepted: application/json',
}

export const tooBig: Failure = {
  code: 413,
  reason: 'RequestEntityTooLarge',
  message: 'Request entity too large: limit is 3145728',
}

export function statusOf(failure: Failure): JsonObject {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: failure.message,
    reason: failure.reason,
    ...(failure.details ? { details: failure.details } : {}),
    code: failure.code,
  }
}
