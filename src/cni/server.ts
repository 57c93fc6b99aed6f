// The agent's side of the CNI socket: accepts the CNI program's connections on the event loop, a bounded number at
// once; the others wait in the kernel's queue. A path that another agent serves is a fault.

import type { Log } from '../base/log.ts'
import { ok, type Result } from '../base/result.ts'
import { poll, READABLE } from '../kernel/addon.ts'
import { acceptFailure, acceptUnix, createReceiver, listenUnix } from '../kernel/unix_socket.ts'
import type { CniCall, Reply } from './call.ts'
import { serveConnection } from './connection.ts'

export type CniServerOptions = {
  /** Such as /run/podlane/cni.sock; markers of deferred DELs lie in `deleted/` beside it. */
  readonly path: string
  readonly handle: (call: CniCall) => Promise<Reply>
  readonly log: Log
  /** Connections at once. Default 128: each may hold 1.25 MiB of request. */
  readonly mostConnections?: number
  /** For a request to arrive, and for an answer to be taken. Default 5,000. */
  readonly timeoutMs?: number
}

export type CniServer = {
  /** Takes no more calls, removes the socket, and resolves when the calls under way are answered. */
  readonly close: () => Promise<void>
}

const OUT_OF_RESOURCES_PAUSE_MS = 100

/** Listens from now on. After it, and not before, the markers of deferred DELs are to be worked off. */
export function startCniServer(options: CniServerOptions): Result<CniServer> {
  const { path, handle, log, mostConnections = 128, timeoutMs = 5000 } = options
  const listener = listenUnix(path)
  if (!listener.ok) return listener
  const connection = { handle, receiver: createReceiver(), log, timeoutMs }
  const open = new Set<Promise<void>>()
  let closed = false
  let stop: (() => void) | undefined
  let pause: NodeJS.Timeout | undefined

  const resume = (): void => {
    if (closed || stop || pause) return
    stop = poll(listener.value.fd, READABLE, acceptAll)
  }
  const suspend = (): void => {
    stop?.()
    stop = undefined
  }
  const acceptAll = (): void => {
    while (open.size < mostConnections) {
      const accepted = acceptUnix(listener.value.fd)
      if (!accepted.ok) {
        pauseFor(acceptFailure(accepted.error))
        return
      }
      if (accepted.value === undefined) return
      const served: Promise<void> = serveConnection(accepted.value, connection).finally(() => {
        open.delete(served)
        resume()
      })
      open.add(served)
    }
    suspend()
  }
  /** Level-triggered readiness with no descriptor left to accept with would spin. */
  const pauseFor = (why: string): void => {
    log.warn({ why, open: open.size }, 'no CNI connection can be accepted for now')
    suspend()
    pause = setTimeout(() => {
      pause = undefined
      resume()
    }, OUT_OF_RESOURCES_PAUSE_MS)
  }
  const close = async (): Promise<void> => {
    if (closed) return
    closed = true
    suspend()
    clearTimeout(pause)
    listener.value.close()
    await Promise.all(open)
  }
  resume()
  return ok({ close })
}
