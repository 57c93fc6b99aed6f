// A small API server for the reflector's tests: nodes and pods, paged lists, watches with history, and every fault
// that a test orders. Its objects are the truth that a sink's rows are compared with.

import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'

export type ApiObject = {
  readonly metadata: {
    readonly name?: string
    readonly uid?: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly managedFields?: readonly object[]
  }
  readonly spec?: object
  readonly status?: object
}

export type SeenRequest = {
  readonly kind: string
  readonly query: URLSearchParams
  readonly authorization: string | undefined
  readonly isWatch: boolean
}

/** True: the fault has dealt with the request. */
export type RequestFault = (seen: SeenRequest, response: http.ServerResponse) => boolean

type Change = {
  readonly version: number
  readonly kind: string
  readonly type: string
  readonly object: ApiObject
}
type OpenWatch = { readonly kind: string; readonly response: http.ServerResponse; readonly keep: Keep }
type Keep = (object: ApiObject) => boolean

export class FaultServer {
  readonly seen: SeenRequest[] = []
  /** Asked in order for every request; one that returns true is used up. */
  readonly faults: RequestFault[] = []
  /** Accepted bearer tokens; undefined: everybody. */
  tokens: readonly string[] | undefined
  /** Watches stay open and are told nothing. */
  frozen = false
  #version = 100
  #forgottenUpTo = 0
  readonly #objects = new Map<string, Map<string, ApiObject>>()
  #history: Change[] = []
  readonly #pages = new Map<string, { readonly items: readonly ApiObject[]; readonly version: number }>()
  readonly #watches = new Set<OpenWatch>()
  readonly #server: http.Server

  constructor(tls?: https.ServerOptions) {
    const listener: http.RequestListener = (request, response) => this.#answer(request, response)
    this.#server = tls ? https.createServer(tls, listener) : http.createServer(listener)
  }

  async listen(port = 0, host = '127.0.0.1'): Promise<URL> {
    this.#server.listen(port, host)
    await once(this.#server, 'listening')
    const address = this.#server.address() as AddressInfo
    const protocol = this.#server instanceof https.Server ? 'https' : 'http'
    return new URL(`${protocol}://${host.includes(':') ? `[${host}]` : host}:${address.port}`)
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    this.#watches.clear()
    await closed
  }

  names(kind: string): readonly string[] {
    return [...(this.#objects.get(kind)?.keys() ?? [])].sort()
  }

  objects(kind: string): readonly ApiObject[] {
    return [...(this.#objects.get(kind)?.values() ?? [])]
  }

  put(kind: string, object: ApiObject): void {
    const key = object.metadata.name ?? `nameless-${this.#version}`
    const table = this.#objects.get(kind) ?? new Map<string, ApiObject>()
    this.#objects.set(kind, table)
    const type = table.has(key) ? 'MODIFIED' : 'ADDED'
    this.#version++
    const stamped = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } }
    table.set(key, stamped)
    this.#record({ version: this.#version, kind, type, object: stamped })
  }

  remove(kind: string, name: string): void {
    const object = this.#objects.get(kind)?.get(name)
    if (!object) return
    this.#objects.get(kind)?.delete(name)
    this.#version++
    const stamped = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } }
    this.#record({ version: this.#version, kind, type: 'DELETED', object: stamped })
  }

  /** Forgets the history: older watches and pages answer 410 from now on. */
  compact(): void {
    this.#forgottenUpTo = this.#version
    this.#history = []
    this.#pages.clear()
  }

  bookmark(): void {
    this.#version++
    for (const watch of this.#watches)
      this.#write(watch, 'BOOKMARK', { metadata: {}, status: {} }, this.#version)
  }

  /** A text to every open watch, as it stands. */
  sendRaw(text: string): void {
    for (const { response } of this.#watches) response.write(text)
  }

  sendError(code: number, reason: string): void {
    const object = { kind: 'Status', code, reason, message: 'ordered by the test' }
    this.sendRaw(`${JSON.stringify({ type: 'ERROR', object })}\n`)
  }

  /** `rudely`: by a reset instead of the regular end of the body. */
  endWatches(rudely: boolean): void {
    for (const { response } of this.#watches) {
      if (rudely) response.socket?.resetAndDestroy()
      else response.end()
    }
    this.#watches.clear()
  }

  get openWatches(): number {
    return this.#watches.size
  }

  get version(): string {
    return String(this.#version)
  }

  #record(change: Change): void {
    this.#history.push(change)
    for (const watch of this.#watches) this.#tell(watch, change)
  }

  #tell(watch: OpenWatch, { kind, type, object, version }: Change): void {
    if (watch.kind === kind && watch.keep(object)) this.#write(watch, type, object, version)
  }

  #write({ response }: OpenWatch, type: string, object: ApiObject, version: number): void {
    if (this.frozen) return
    const metadata = { ...object.metadata, resourceVersion: String(version) }
    response.write(`${JSON.stringify({ type, object: { ...object, metadata } })}\n`)
  }

  #answer(request: http.IncomingMessage, response: http.ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://server')
    const seen: SeenRequest = {
      kind: url.pathname.split('/').at(-1) ?? '',
      query: url.searchParams,
      authorization: request.headers.authorization,
      isWatch: url.searchParams.has('watch'),
    }
    this.seen.push(seen)
    for (const fault of [...this.faults]) {
      if (!fault(seen, response)) continue
      this.faults.splice(this.faults.indexOf(fault), 1)
      return
    }
    if (this.tokens && !this.tokens.some((token) => seen.authorization === `Bearer ${token}`))
      sendStatus(response, 401, 'Unauthorized')
    else if (seen.isWatch) this.#watch(seen, response)
    else this.#list(seen, response)
  }

  #list({ kind, query }: SeenRequest, response: http.ServerResponse): void {
    const limit = Number(query.get('limit') ?? 0)
    const token = query.get('continue')
    const page = token === null ? undefined : this.#pages.get(token)
    if (token !== null && !page) {
      sendStatus(response, 410, 'Expired')
      return
    }
    const all = page?.items ?? this.objects(kind).filter(keepOf(query))
    const version = page?.version ?? this.#version
    const items = limit > 0 ? all.slice(0, limit) : all
    const rest = all.slice(items.length)
    const next = rest.length > 0 ? `page-${this.#version}-${rest.length}-${this.#pages.size}` : undefined
    if (next !== undefined) this.#pages.set(next, { items: rest, version })
    const metadata = { resourceVersion: String(version), ...(next === undefined ? {} : { continue: next }) }
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ kind: 'List', apiVersion: 'v1', metadata, items }))
  }

  #watch({ kind, query }: SeenRequest, response: http.ServerResponse): void {
    const from = Number(query.get('resourceVersion'))
    if (from < this.#forgottenUpTo) {
      sendStatus(response, 410, 'Expired')
      return
    }
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    const watch: OpenWatch = { kind, response, keep: keepOf(query) }
    this.#watches.add(watch)
    response.on('close', () => this.#watches.delete(watch))
    for (const change of this.#history) if (change.version > from) this.#tell(watch, change)
  }
}

function keepOf(query: URLSearchParams): Keep {
  const node = /^spec\.nodeName=(.*)$/.exec(query.get('fieldSelector') ?? '')?.[1]
  return (object) => node === undefined || Reflect.get(object.spec ?? {}, 'nodeName') === node
}

export function sendStatus(response: http.ServerResponse, code: number, reason: string): void {
  response.writeHead(code, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ kind: 'Status', code, reason, message: `${reason}: ordered by the test` }))
}

export const nodeObject = (name: string, address = '192.0.2.1'): ApiObject => ({
  metadata: { name, uid: `uid-${name}` },
  spec: { podCIDRs: ['10.244.0.0/24'] },
  status: { addresses: [{ type: 'InternalIP', address }] },
})

export const podObject = (name: string, nodeName: string, podIP = '10.244.0.9'): ApiObject => ({
  metadata: { name, namespace: 'default', uid: `uid-${name}` },
  spec: { nodeName },
  status: { phase: 'Running', podIPs: [{ ip: podIP }] },
})
