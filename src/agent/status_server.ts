// What the agent says and takes over HTTP. Its unix socket (mode 0600) is for root, who may also switch lanes by it; on
// loopback, where everybody of the host can ask, everything is read-only.

import { chmodSync, rmSync } from 'node:fs'
import type { IncomingMessage, Server } from 'node:http'
import { http } from '../base/http.ts'
import type { Log } from '../base/log.ts'
import type { Result } from '../base/result.ts'
import type { AgentStatus } from '../schema/agent_status.ts'
import { EXPOSITION_TYPE } from '../schema/exposition.ts'
import { type LaneRequest, parseLaneRequest } from '../schema/lane_request.ts'

export type StatusServerOptions = {
  readonly socketPath: string
  readonly listen: { readonly host: string; readonly port: number } | undefined
  /** What can be asked with GET, by path. */
  readonly questions: ReadonlyMap<string, Question>
  /** The same for root alone, by the socket: what costs more, or says more. */
  readonly rootQuestions: ReadonlyMap<string, Question>
  readonly status: () => Promise<AgentStatus>
  /** Resolves when the lane is as asked for. */
  readonly setLane: (request: LaneRequest) => Promise<Result<void>>
  readonly log: Log
}

export type StatusServer = { readonly close: () => Promise<void> }
/** A text is sent as metrics, all else as JSON. */
export type Answer = { readonly code: number; readonly body: object | string }
export type Question = (query: URLSearchParams) => Promise<Answer>

const LONGEST_BODY = 4096

export async function startStatusServer(options: StatusServerOptions): Promise<StatusServer> {
  const { socketPath, listen, log } = options
  // The CNI socket beside it has shown that no other agent serves this folder.
  rmSync(socketPath, { force: true })
  const all = new Map([...options.questions, ...options.rootQuestions])
  const servers = [
    serve(options, all, (request) => (request.method === 'PUT' ? put(request, options) : undefined)),
  ]
  await listening(servers[0] as Server, { path: socketPath })
  chmodSync(socketPath, 0o600)
  if (listen) {
    const tcp = serve(options, options.questions, () => undefined)
    try {
      await listening(tcp, listen)
      servers.push(tcp)
    } catch (error) {
      // Status by socket remains; a taken port must not keep pods from starting.
      log.error(
        { ...listen, error: String(error) },
        'status over HTTP is off: the address cannot be listened on',
      )
    }
  }
  return {
    close: async () => {
      await Promise.all(servers.map(closed))
      rmSync(socketPath, { force: true })
    },
  }
}

type Questions = StatusServerOptions['questions']
type Change = (request: IncomingMessage) => Promise<Answer> | undefined

/** @param change what this server takes beside questions */
function serve(options: StatusServerOptions, questions: Questions, change: Change): Server {
  return http.createServer((request, response) => {
    const answer = ({ code, body }: Answer): void => {
      const isText = typeof body === 'string'
      response.writeHead(code, { 'content-type': isText ? EXPOSITION_TYPE : 'application/json' })
      response.end(isText ? body : `${JSON.stringify(body)}\n`)
    }
    ;(change(request) ?? get(request, questions)).then(answer, (error: unknown) => {
      options.log.error({ error: String(error), url: request.url }, 'a question failed')
      answer({ code: 500, body: { error: String(error) } })
    })
  })
}

async function get({ method, url }: IncomingMessage, questions: Questions): Promise<Answer> {
  if (method !== 'GET')
    return { code: 405, body: { error: 'only GET here: lanes are switched by the agent’s socket, with PUT' } }
  const { pathname, searchParams } = new URL(url ?? '/', 'http://agent')
  const question = questions.get(pathname)
  if (question) return question(searchParams)
  return { code: 404, body: { error: `there are ${[...questions.keys()].join(', ')}` } }
}

/** What it answers is the status once it is so, or the fault. */
async function put(request: IncomingMessage, options: StatusServerOptions): Promise<Answer> {
  if (request.url !== '/lane') return { code: 404, body: { error: 'only /lane can be PUT' } }
  const text = await bodyOf(request)
  const wish = parseLaneRequest(text)
  if (!wish.ok) return { code: 400, body: wish.error }
  const set = await options.setLane(wish.value)
  if (!set.ok) return { code: set.error.kind === 'bad-option' ? 404 : 409, body: set.error }
  return { code: 200, body: await options.status() }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  request.setEncoding('utf8')
  // What is too long is read to its end and not kept: an answer needs a request that is over.
  for await (const piece of request) if (text.length <= LONGEST_BODY) text += piece
  return text.slice(0, LONGEST_BODY)
}

const listening = (server: Server, where: { path: string } | { host: string; port: number }): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(where, () => {
      server.off('error', reject)
      resolve()
    })
  })

const closed = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
