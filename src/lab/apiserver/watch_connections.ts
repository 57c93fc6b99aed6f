// The watches that are open over HTTP: each a response that stays open, with its timeout, and what it still has to
// get while the gate is closed. A client that does not read is dropped.

import type { ServerResponse } from 'node:http'
import type { Gate } from './gate.ts'
import type { Store } from './store.ts'
import { openWatch, type WatchRequest } from './watch_stream.ts'

export type WatchConnections = {
  readonly open: (response: ServerResponse, request: WatchRequest) => void
  readonly bookmark: () => void
  readonly dropAll: (how: 'end' | 'reset') => void
  readonly count: () => number
}

/** What a slow client may leave unread before its watch ends. */
const MOST_UNREAD_BYTES = 64 << 20

type Connection = { readonly bookmark: () => void; readonly drop: (how: 'end' | 'reset') => void }

export function createWatchConnections(store: Store, gate: Gate): WatchConnections {
  // BOUNDED by the connections of the clients.
  const connections = new Set<Connection>()
  return {
    open: (response, request) => openConnection(store, gate, response, request, connections),
    bookmark: () => {
      for (const connection of [...connections]) connection.bookmark()
    },
    dropAll: (how) => {
      for (const connection of [...connections]) connection.drop(how)
    },
    count: () => connections.size,
  }
}

function openConnection(
  store: Store,
  gate: Gate,
  response: ServerResponse,
  request: WatchRequest,
  connections: Set<Connection>,
): void {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.flushHeaders()
  const out = createOutput(gate, response)
  const watch = openWatch(store, request, out.line)
  const connection: Connection = {
    bookmark: () => {
      if (request.bookmarks && gate.isOpen()) watch.bookmark()
    },
    drop: (how) => {
      release()
      if (how === 'reset') response.destroy()
      else response.end()
    },
  }
  const timer =
    request.timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          connection.bookmark()
          connection.drop('end')
        }, request.timeoutMs)
  const release = (): void => {
    clearTimeout(timer)
    out.close()
    watch.close()
    connections.delete(connection)
  }
  connections.add(connection)
  response.on('close', release)
  response.on('error', release)
  if (watch.failed) connection.drop('end')
}

/** Lines go out at once, or wait for the gate. */
function createOutput(
  gate: Gate,
  response: ServerResponse,
): { readonly line: (text: string) => void; readonly close: () => void } {
  let waiting: string[] = []
  let waitingBytes = 0
  const stop = gate.onOpen(() => {
    const texts = waiting
    waiting = []
    waitingBytes = 0
    for (const text of texts) response.write(text)
  })
  return {
    line: (text) => {
      if (gate.isOpen()) response.write(text)
      else {
        waiting.push(text)
        waitingBytes += text.length
      }
      if (response.writableLength + waitingBytes > MOST_UNREAD_BYTES) response.destroy()
    },
    close: stop,
  }
}
