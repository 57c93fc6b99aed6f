// GET requests to an API server whose bodies are handed on chunk by chunk. node:https and not fetch, because only
// there one can give a CA, a client certificate and keep-alive probes without another dependency; and HTTP/1.1 and
// not HTTP/2, so that each watch has a connection of its own and one that hangs holds up no other.

import type { ClientRequest, Agent as HttpAgent, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import type { Agent as HttpsAgent, RequestOptions } from 'node:https'
import type { Clock } from '../../base/clock.ts'
import { http, https } from '../../base/http.ts'
import { err, type Fault, ok, type Result } from '../../base/result.ts'
import type { Connection } from './connection.ts'
import { Credentials } from './credentials.ts'
import { type Refusal, refusedAnswer, refusedReading, unreachable, unusableCredential } from './refusal.ts'
import { Silence } from './silence.ts'

export type ApiLimits = {
  /** TCP and TLS. */
  readonly connectMs: number
  /** From the request to the answer's head: a loaded server lists slowly. */
  readonly answerMs: number
  /** Between two chunks of a list. */
  readonly listSilenceMs: number
  /** Between two events or bookmarks of a watch; API servers send a bookmark each minute. */
  readonly watchSilenceMs: number
}

export const defaultLimits: ApiLimits = {
  connectMs: 10_000,
  answerMs: 30_000,
  listSilenceMs: 30_000,
  watchSilenceMs: 90_000,
}

export type ApiRequest = {
  /** With its query. */
  readonly path: string
  readonly signal: AbortSignal
  readonly silenceMs: number
  /** The server has answered 200. */
  readonly onOpen?: () => void
  /** A Fault ends the request with it. */
  readonly onChunk: (chunk: Buffer) => Fault | undefined
}

/** libuv probes a silent peer after this time once a second, ten times. */
const keepAliveMs = 15_000
/** Of an error's body only its message is of use. */
const maxErrorBytes = 65_536

export class ApiClient {
  readonly #connection: Connection
  readonly #clock: Clock
  readonly #limits: ApiLimits
  readonly #credentials: Credentials
  readonly #agent: HttpAgent | HttpsAgent
  readonly #isTls: boolean

  constructor(connection: Connection, clock: Clock, limits: ApiLimits) {
    this.#connection = connection
    this.#clock = clock
    this.#limits = limits
    this.#credentials = new Credentials(clock)
    this.#isTls = connection.server.protocol === 'https:'
    const options = { keepAlive: true, keepAliveMsecs: keepAliveMs, scheduling: 'lifo' } as const
    this.#agent = this.#isTls ? new https.Agent(options) : new http.Agent(options)
  }

  /** Ok when the server has ended the body in the regular way. A 401 is tried again if the token's file has another. */
  async get(request: ApiRequest): Promise<Result<void, Refusal>> {
    let options = await this.#options(request, false)
    if (!options.ok) return err(refusedReading(options.error))
    let got = await this.#exchange(request, options.value)
    if (!got.ok && got.error.status === 401) {
      const before = options.value.headers.authorization
      options = await this.#options(request, true)
      if (options.ok && options.value.headers.authorization !== before)
        got = await this.#exchange(request, options.value)
    } else if (!got.ok && got.error.staleSocket) got = await this.#exchange(request, options.value)
    return got
  }

  close(): void {
    this.#agent.destroy()
  }

  async #options(request: ApiRequest, afresh: boolean) {
    const { server, ca, clientCert, serverName, insecure, token } = this.#connection
    const texts: (string | undefined)[] = []
    for (const material of [ca, clientCert?.cert, clientCert?.key, token]) {
      const text = material && (await this.#credentials.text(material, afresh))
      if (text && !text.ok) return text
      texts.push(text?.value)
    }
    const [caText, cert, key, bearer] = texts
    const headers: OutgoingHttpHeaders = { accept: 'application/json', 'user-agent': 'podlane' }
    if (bearer) headers.authorization = `Bearer ${bearer}`
    return ok({
      agent: this.#agent,
      // URL keeps the brackets of an IPv6 address; sockets and certificates do without.
      host: server.hostname.replaceAll(/^\[|\]$/g, ''),
      port: server.port === '' ? (this.#isTls ? 443 : 80) : Number(server.port),
      path: server.pathname.replace(/\/$/, '') + request.path,
      headers,
      rejectUnauthorized: !insecure,
      ...(caText === undefined ? {} : { ca: caText }),
      ...(cert === undefined || key === undefined ? {} : { cert, key }),
      ...(serverName === undefined ? {} : { servername: serverName }),
    })
  }

  async #exchange(request: ApiRequest, options: RequestOptions): Promise<Result<void, Refusal>> {
    const abort = new AbortController()
    const stop = (): void => abort.abort()
    if (request.signal.aborted) stop()
    request.signal.addEventListener('abort', stop)
    let silentMs: number | undefined
    const silence = new Silence(this.#clock, this.#limits.connectMs, (limitMs) => {
      silentMs = limitMs
      stop()
    })
    const got = await this.#converse(request, { ...options, signal: abort.signal }, silence)
    await silence.stop()
    request.signal.removeEventListener('abort', stop)
    if (got.ok || silentMs === undefined) return got
    const found = `nothing heard for ${silentMs} ms`
    return err(unreachable(this.#connection.server, request.path, found))
  }

  /** Node throws at once when a PEM text or a token has not the form that it must have. */
  #begin(options: RequestOptions): Result<ClientRequest, unknown> {
    try {
      return ok(this.#isTls ? https.request(options) : http.request(options))
    } catch (error) {
      return err(error)
    }
  }

  async #converse(
    request: ApiRequest,
    options: RequestOptions,
    silence: Silence,
  ): Promise<Result<void, Refusal>> {
    const { server } = this.#connection
    const begun = this.#begin(options)
    if (!begun.ok) return err(unusableCredential(server, begun.error))
    const sent = begun.value
    const response = await answerTo(sent, () => silence.enter(this.#limits.answerMs))
    if (!response.ok) {
      const refusal = unreachable(server, request.path, errorText(response.error))
      return err({ ...refusal, staleSocket: sent.reusedSocket && !request.signal.aborted })
    }
    silence.enter(request.silenceMs)
    const chunks = chunksOf(response.value)
    const isGood = response.value.statusCode === 200
    if (isGood) request.onOpen?.()
    let error = ''
    for (let chunk = await chunks(); ; chunk = await chunks()) {
      if (!chunk.ok) return err(unreachable(server, request.path, errorText(chunk.error)))
      if (chunk.value === undefined) break
      silence.heard()
      const fault = isGood ? request.onChunk(chunk.value) : undefined
      if (!isGood) error += chunk.value.toString('utf8')
      if (fault || error.length > maxErrorBytes) {
        response.value.destroy()
        if (fault) return err({ ...refusedReading(fault), status: 200 })
        break
      }
    }
    return isGood ? ok(undefined) : err(refusedAnswer(server, request.path, response.value, error))
  }
}

function answerTo(sent: ClientRequest, onConnected: () => void): Promise<Result<IncomingMessage, unknown>> {
  const { promise, resolve } = Promise.withResolvers<Result<IncomingMessage, unknown>>()
  sent.on('socket', (socket) => {
    if (!socket.connecting) onConnected()
    else socket.once('encrypted' in socket ? 'secureConnect' : 'connect', onConnected)
  })
  sent.on('response', (response) => resolve(ok(response)))
  // Stays for the whole exchange: an error after the response comes here too, besides to the response's reader.
  sent.on('error', (error) => resolve(err(error)))
  sent.end()
  return promise
}

/** The stream's errors are values; what the caller does with a chunk stays outside of the try. */
function chunksOf(response: IncomingMessage): () => Promise<Result<Buffer | undefined, unknown>> {
  const iterator: AsyncIterator<unknown> = response[Symbol.asyncIterator]()
  return async () => {
    try {
      const step = await iterator.next()
      return ok(step.done !== true && Buffer.isBuffer(step.value) ? step.value : undefined)
    } catch (error) {
      return err(error)
    }
  }
}

/** Of several addresses that were tried, every one's error. */
function errorText(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(errorText).join('; ')
  return error instanceof Error ? error.message : String(error)
}
