// What the server says to a request, before it is written to a socket.

import { type Failure, statusOf } from './failures.ts'
import type { JsonObject } from './json.ts'
import type { WatchRequest } from './watch_stream.ts'

export type Answer =
  | {
      readonly is: 'text'
      readonly code: number
      readonly type: string
      readonly body: string | Uint8Array
      /** Shown to the user by kubectl. */
      readonly warnings?: readonly string[]
    }
  /** A body in pieces, made while it is sent. */
  | { readonly is: 'chunks'; readonly chunks: Iterable<string> }
  | { readonly is: 'watch'; readonly request: WatchRequest }

export const jsonAnswer = (code: number, body: JsonObject, warnings: readonly string[] = []): Answer => ({
  is: 'text',
  code,
  type: 'application/json',
  body: JSON.stringify(body),
  warnings,
})

export const failureAnswer = (failure: Failure): Answer => jsonAnswer(failure.code, statusOf(failure))

/** What of an HTTP request the handlers look at. */
export type Question = {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly accept: string | undefined
  readonly contentType: string
  readonly body: Uint8Array
}
