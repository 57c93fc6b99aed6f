// Questions over a unix socket, HTTP with JSON: of the agent, and of the lab's own process in a node.

import { request } from 'node:http'
import { fault, ok, type Result } from '../base/result.ts'

const TIMEOUT_MS = 10_000

export function askSocket(
  socketPath: string,
  method: 'GET' | 'POST',
  path: string,
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
    const sent = request({ socketPath, method, path, timeout: TIMEOUT_MS }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        text += part
      })
      response.on('error', (error) => resolve(failed(error.message)))
      response.on('end', () => resolve(response.statusCode === 200 ? readJson(text, failed) : failed(text)))
    })
    sent.on('error', (error) => resolve(failed(error.message)))
    sent.on('timeout', () => sent.destroy(new Error(`nothing within ${TIMEOUT_MS} ms`)))
    sent.end()
  })
}

function readJson(text: string, failed: (found: string) => Result<never>): Result<unknown> {
  try {
    return ok(JSON.parse(text))
  } catch {
    return failed(text.slice(0, 80))
  }
}
