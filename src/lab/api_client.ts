// Requests to the lab's API server for the lab's own parts: one answer each. Watches go by the reflector.

import { Agent, type RequestOptions, request } from 'node:https'
import { fault, ok, type Result } from '../base/result.ts'
import type { Connection } from '../input/kubernetes/connection.ts'
import { readKubeconfig } from '../input/kubernetes/kubeconfig.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export type ApiAnswer = {
  /** HTTP status; 404 and 409 are answers, not faults. */
  readonly code: number
  readonly body: unknown
}

export type LabApi = {
  /** A fault when there was no answer at all, or one that says that the request could never succeed. */
  readonly ask: (method: Method, path: string, body?: unknown) => Promise<Result<ApiAnswer>>
  readonly connection: Connection
  readonly close: () => void
}

const TIMEOUT_MS = 10_000
const JSON_TYPE = 'application/json'
const MERGE_TYPE = 'application/merge-patch+json'

/** By a kubeconfig that the lab wrote: everything stands in the file itself. */
export async function openLabApi(kubeconfig: string): Promise<Result<LabApi>> {
  const read = await readKubeconfig(kubeconfig)
  if (!read.ok) return read
  const { server, ca, token } = read.value
  const agent = new Agent({ keepAlive: true })
  const common = {
    agent,
    host: server.hostname.replaceAll(/^\[|\]$/g, ''),
    port: server.port,
    timeout: TIMEOUT_MS,
    ...(ca && 'text' in ca ? { ca: ca.text } : {}),
  }
  const authorization = token && 'text' in token ? `Bearer ${token.text}` : ''
  const ask: LabApi['ask'] = async (method, path, body) => {
    const text = body === undefined ? '' : JSON.stringify(body)
    const headers = {
      authorization,
      accept: JSON_TYPE,
      // Node gives a DELETE no length by itself.
      'content-length': Buffer.byteLength(text),
      ...(body === undefined ? {} : { 'content-type': method === 'PATCH' ? MERGE_TYPE : JSON_TYPE }),
    }
    const answer = await exchange({ ...common, method, path, headers }, text)
    if (answer.ok && (answer.value.code < 400 || [404, 409].includes(answer.value.code))) return answer
    const found = answer.ok ? `${answer.value.code} ${messageOf(answer.value.body)}` : answer.error
    return fault('api', `${method} ${path}`, 'the API server to do it', found, 'look at «podlane lab status»')
  }
  return ok({ ask, connection: read.value, close: () => agent.destroy() })
}

function exchange(options: RequestOptions, text: string): Promise<Result<ApiAnswer, string>> {
  return new Promise((resolve) => {
    const fail = (error: Error): void => resolve({ ok: false, error: error.message })
    const sent = request(options, (response) => {
      let answer = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        answer += part
      })
      response.on('error', fail)
      response.on('end', () => resolve(ok({ code: response.statusCode ?? 0, body: parsed(answer) })))
    })
    sent.on('error', fail)
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)))
    sent.end(text)
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const messageOf = (body: unknown): string =>
  typeof body === 'object' && body !== null && 'message' in body ? String(body.message) : ''
