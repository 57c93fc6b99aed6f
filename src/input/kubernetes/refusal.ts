// Why a request to the API server gave nothing, in the words of who has to mend it.

import type { IncomingMessage } from 'node:http'
import type { Fault } from '../../base/result.ts'
import { parseJson, textField } from './json.ts'

export type Refusal = {
  readonly fault: Fault
  /** HTTP status of the answer, or of the error in a watch; undefined when no answer came. */
  readonly status: number | undefined
  /** The server asked for this pause. */
  readonly retryAfterMs: number | undefined
  /** The connection had been used before and was closed at its other end: a new one may well work. */
  readonly staleSocket?: boolean
}

const maxRetryAfterMs = 60_000

export function unreachable(server: URL, path: string, found: string): Refusal {
  const isCertificate = /certificate|altname|TLS|SSL/i.test(found)
  const next = isCertificate ? 'check certificate-authority and tls-server-name' : 'it is tried again'
  const object = `API server ${server.origin}`
  return {
    fault: { kind: 'api-unreachable', object, wanted: `an answer to GET ${plainPath(path)}`, found, next },
    status: undefined,
    retryAfterMs: undefined,
  }
}

/** An answer whose status is not 200. Its body is mostly a Status object. */
export function refusedAnswer(server: URL, path: string, response: IncomingMessage, body: string): Refusal {
  const status = response.statusCode ?? 0
  const parsed = parseJson(body, 'Status')
  const message = (parsed.ok && textField(parsed.value, 'message')) || body.trim().slice(0, 200)
  const seconds = Number(response.headers['retry-after'])
  return {
    fault: {
      kind: 'api-refused',
      object: `API server ${server.origin}`,
      wanted: `200 to GET ${plainPath(path)}`,
      found: `${status} ${message}`.trim(),
      next: nextStep(status),
    },
    status,
    retryAfterMs: seconds > 0 ? Math.min(seconds * 1000, maxRetryAfterMs) : undefined,
  }
}

/** The answer, or something needed for asking, could not be read. */
export const refusedReading = (fault: Fault): Refusal => ({
  fault,
  status: undefined,
  retryAfterMs: undefined,
})

/** A certificate, key or token that is not even well formed. Its text stays out of the message. */
export function unusableCredential(server: URL, error: unknown): Refusal {
  const found =
    error instanceof Error ? `${Reflect.get(error, 'code') ?? ''} ${error.message}`.trim() : 'another'
  return refusedReading({
    kind: 'bad-credential',
    object: `credentials for API server ${server.origin}`,
    wanted: 'PEM certificates, a key that fits, a token on one line',
    found: found.slice(0, 200),
    next: 'correct the files; they are read again within a minute',
  })
}

function nextStep(status: number): string {
  if (status === 401) return 'check the token or client certificate'
  if (status === 403) return 'give the agent’s user the ClusterRole podlane'
  if (status === 404) return 'check the server’s URL'
  return 'it is tried again'
}

/** Without the query: a continue token says nothing to a reader. */
const plainPath = (path: string): string => path.split('?', 1)[0] ?? path
