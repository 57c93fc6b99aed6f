// The HTTP side of the lab's API server: sockets, TLS, tokens, bodies and watches. Several listening sockets, also
// ones that were opened elsewhere (another network namespace) and come as file descriptors.

import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Log } from '../../base/log.ts'
import { err, ok, type Result } from '../../base/result.ts'
import { type Answer, failureAnswer } from './answer.ts'
import { createAppliedConfigurations } from './applied.ts'
import { type Failure, tooBig, unauthorized } from './failures.ts'
import { createFaults, type Faults } from './faults.ts'
import { createLists } from './lists.ts'
import { createRoutes, isPublic, type Routes } from './routes.ts'
import type { Api } from './verbs.ts'
import { createWatchConnections, type WatchConnections } from './watch_connections.ts'

export type ApiServerOptions = {
  readonly api: Api
  readonly log: Log
  /** Bearer tokens that are let in; empty: everybody. */
  readonly tokens: readonly string[]
  /** PEM. Without it the server speaks plain HTTP. */
  readonly tls?: { readonly key: string; readonly cert: string }
  /** Time between bookmarks of a watch that allows them. Default 2,000. */
  readonly bookmarkIntervalMs?: number
}

/** A host and port (0: any), or a socket that is already bound. */
export type ListenAt = { readonly host: string; readonly port: number } | { readonly fd: number }

export type ApiServer = {
  readonly faults: Faults
  /** May be called several times. Resolves to the port. */
  readonly listen: (where: ListenAt) => Promise<number>
  readonly setTokens: (tokens: readonly string[]) => void
  /** Sends a bookmark on every watch that allows them, now. */
  readonly sendBookmarks: () => void
  readonly openWatches: () => number
  /** Ends all connections. The store lives on and can be served again. */
  readonly close: () => Promise<void>
}

export function createApiServer(options: ApiServerOptions): ApiServer {
  const { api, log } = options
  const servers = new Set<Server>()
  let tokens = options.tokens.map(digest)
  const state = createFaults(api.store, (how) => connections.dropAll(how))
  const connections: WatchConnections = createWatchConnections(api.store, state.watches)
  const routes = createRoutes({ api, lists: createLists(api.store), applied: createAppliedConfigurations() })

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    await state.requests.passed()
    const refusal = state.takeRefusal()
    const answer = refusal ? failureAnswer(refusal) : await answerTo(request, routes, () => tokens)
    if (answer.is === 'watch') connections.open(response, answer.request)
    else await send(response, answer)
  }
  const handler = (request: IncomingMessage, response: ServerResponse): void => {
    serve(request, response).catch((e: unknown) => {
      if (response.destroyed) return
      log.error({ error: String(e), url: request.url }, 'a request was not answered')
      response.destroy()
    })
  }

  const ticker = setInterval(connections.bookmark, options.bookmarkIntervalMs ?? 2000)
  ticker.unref()
  return {
    faults: state.faults,
    listen: async (where) => {
      const server = options.tls ? createTlsServer({ ...options.tls }, handler) : createServer(handler)
      // Longer than any client keeps an idle connection, so that no request meets a closing one.
      server.keepAliveTimeout = 120_000
      servers.add(server)
      return listening(server, where)
    },
    setTokens: (next) => {
      tokens = next.map(digest)
    },
    sendBookmarks: connections.bookmark,
    openWatches: connections.count,
    close: async () => {
      clearInterval(ticker)
      connections.dropAll('end')
      await Promise.all([...servers].map(closed))
      servers.clear()
    },
  }
}

function listening(server: Server, where: ListenAt): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(where, () => {
      server.off('error', reject)
      resolve((server.address() as AddressInfo | null)?.port ?? 0)
    })
  })
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

const digest = (token: string): Buffer => createHash('sha256').update(token).digest()

async function answerTo(
  request: IncomingMessage,
  routes: Routes,
  tokens: () => readonly Buffer[],
): Promise<Answer> {
  const url = new URL(request.url ?? '/', 'http://lab')
  if (!isPublic(url.pathname) && !isKnown(request, tokens())) return failureAnswer(unauthorized)
  const body = await readBody(request)
  if (!body.ok) return failureAnswer(body.error)
  const answer = routes({
    method: request.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    accept: request.headers.accept,
    contentType: (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '',
    body: body.value,
  })
  return answer.ok ? answer.value : failureAnswer(answer.error)
}

/** Digests are compared, in constant time, so neither length nor content of a token shows in the time taken. */
function isKnown(request: IncomingMessage, tokens: readonly Buffer[]): boolean {
  if (tokens.length === 0) return true
  const [scheme = '', token = ''] = (request.headers.authorization ?? '').split(' ')
  const given = digest(token)
  let known = false
  for (const wanted of tokens) known = timingSafeEqual(wanted, given) || known
  return known && scheme.toLowerCase() === 'bearer'
}

/** As of the real server: 3 MiB. */
const MOST_BODY_BYTES = 3 << 20

async function readBody(request: IncomingMessage): Promise<Result<Uint8Array, Failure>> {
  if (request.method === 'GET') return ok(new Uint8Array())
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of request as AsyncIterable<Uint8Array>) {
    size += part.length
    if (size > MOST_BODY_BYTES) return err(tooBig)
    parts.push(part)
  }
  return ok(Buffer.concat(parts))
}

async function send(response: ServerResponse, answer: Exclude<Answer, { is: 'watch' }>): Promise<void> {
  if (answer.is === 'chunks') {
    response.writeHead(200, { 'content-type': 'application/json' })
    await pipeline(Readable.from(answer.chunks), response)
    return
  }
  const warnings = (answer.warnings ?? []).map((w) => `299 - ${JSON.stringify(w)}`)
  if (warnings.length > 0) response.setHeader('warning', warnings)
  response.writeHead(answer.code, {
    'content-type': answer.type,
    'content-length': Buffer.byteLength(answer.body),
  })
  response.end(answer.body)
}
