// Questions over a unix socket, HTTP with JSON: of the agent, and of the lab's own process in a node.

import * as v from 'valibot'
import { http } from '../base/http.ts'
import { err, fault, ok, type Result } from '../base/result.ts'

const TIMEOUT_MS = 10_000

export function askSocket(
  socketPath: string,
  method: 'GET' | 'POST' | 'PUT',
  path: string,
  body?: object,
  timeoutMs = TIMEOUT_MS,
): Promise<Result<unknown>> {
  const failed = (found: string): Result<never> =>
    fault(
      'no-answer',
      `${method} ${path} at ${socketPath}`,
      'an answer',
      found,
      'see whether its process runs',
    )
  return new Promise((resolve) => {
    const sent = http.request({ socketPath, method, path, timeout: timeoutMs }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        text += part
      })
      response.on('error', (error) => resolve(failed(error.message)))
      response.on('end', () =>
        resolve(response.statusCode === 200 ? readJson(text, failed) : refused(text, failed)),
      )
    })
    sent.on('error', (error) => resolve(failed(error.message)))
    sent.on('timeout', () => sent.destroy(new Error(`nothing within ${timeoutMs} ms`)))
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

const faultSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ kind: v.string(), object: v.string(), wanted: v.string(), found: v.string(), next: v.string() }),
)

/** A refusal may be a fault in itself; everything else is quoted. */
function refused(text: string, failed: (found: string) => Result<never>): Result<never> {
  const parsed = v.safeParse(faultSchema, text)
  return parsed.success ? err(parsed.output) : failed(text)
}

function readJson(text: string, failed: (found: string) => Result<never>): Result<unknown> {
  try {
    return ok(JSON.parse(text))
  } catch {
    return failed(text.slice(0, 80))
  }
}
