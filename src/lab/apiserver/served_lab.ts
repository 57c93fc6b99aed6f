// A served control plane for tests, on a free port of 127.0.0.1, with the few calls that tests make (those speak
// plain HTTP).

import { systemClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { must } from '../../base/result.ts'
import { type ControlPlane, type ControlPlaneOptions, createControlPlane } from './control_plane.ts'
import { type JsonObject, parseJson } from './json.ts'

export const TOKEN = 'sesame'

export type ServedLab = ControlPlane & {
  readonly url: string
  readonly call: (
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<{ readonly code: number; readonly body: JsonObject; readonly headers: Headers }>
  readonly watch: (path: string, headers?: Readonly<Record<string, string>>) => Promise<WatchReader>
}

export type WatchReader = {
  /** The next event, or undefined at the end of the stream. */
  readonly next: () => Promise<JsonObject | undefined>
  readonly close: () => Promise<void>
}

export async function serveLab(options: Partial<ControlPlaneOptions> = {}): Promise<ServedLab> {
  const defaults = {
    clock: systemClock,
    log: silentLog,
    tokens: [TOKEN],
    clusterRanges: [],
    serviceRanges: [],
  }
  const plane = must(
    createControlPlane({ ...defaults, firstRevision: 1, bookmarkIntervalMs: 60_000, ...options }),
  )
  const scheme = options.tls ? 'https' : 'http'
  const url = `${scheme}://127.0.0.1:${await plane.server.listen({ host: '127.0.0.1', port: 0 })}`
  const authorization = `Bearer ${TOKEN}`
  const call: ServedLab['call'] = async (method, path, body, headers = {}) => {
    const response = await fetch(url + path, {
      method,
      headers: { authorization, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    return { code: response.status, body: parseJson(text) as JsonObject, headers: response.headers }
  }
  const watch: ServedLab['watch'] = async (path, headers = {}) => {
    const abort = new AbortController()
    const response = await fetch(url + path, { headers: { authorization, ...headers }, signal: abort.signal })
    return readLines(response, abort)
  }
  return { ...plane, url, call, watch }
}

function readLines(response: Response, abort: AbortController): WatchReader {
  const reader = (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  return {
    next: async () => {
      while (!text.includes('\n')) {
        const { done, value } = await reader.read()
        if (done) return undefined
        text += value
      }
      const line = text.slice(0, text.indexOf('\n'))
      text = text.slice(line.length + 1)
      return parseJson(line) as JsonObject
    },
    close: async () => {
      abort.abort()
      await reader.cancel().catch(() => {})
    },
  }
}
