// One connection of the CNI program: a request is read, handled and answered once. Every descriptor that comes with
// it is closed exactly once, whatever the client does; an ADD that nobody took delivery of is taken back.

import { closeSync } from 'node:fs'
import type { Log } from '../base/log.ts'
import { poll, READABLE, WRITABLE } from '../kernel/addon.ts'
import { type Receiver, sendUnix } from '../kernel/unix_socket.ts'
import type { CniCall, Reply } from './call.ts'
import { codes, errorReply } from './errors.ts'
import { newestVersion } from './versions.ts'
import { decodeRequest, encodeReply, requestLength } from './wire.ts'

export type ConnectionOptions = {
  readonly handle: (call: CniCall) => Promise<Reply>
  readonly receiver: Receiver
  readonly log: Log
  /** For a whole request to arrive and for a reply to be taken, each. The call itself is not limited here. */
  readonly timeoutMs: number
}

/** Resolves when the connection is closed and nothing of it is left open. Rejects only on a bug in `handle`. */
export async function serveConnection(fd: number, options: ConnectionOptions): Promise<void> {
  const fds: number[] = []
  try {
    const frame = await readRequest(fd, fds, options)
    if (frame === undefined) return
    const call = typeof frame === 'string' ? frame : decodeRequest(frame, fds)
    if (typeof call === 'string') return await refuse(fd, call, options)
    const reply = await options.handle(call)
    if (await deliver(fd, encodeReply(reply), options)) return
    options.log.warn({ undo: reply.undo !== undefined }, 'the CNI program was gone before its answer')
    await reply.undo?.()
  } finally {
    for (const passed of fds.splice(0)) closeSync(passed)
    closeSync(fd)
  }
}

async function refuse(fd: number, why: string, options: ConnectionOptions): Promise<void> {
  options.log.warn({ why }, 'a request on the CNI socket was refused')
  const error = { code: codes.io, msg: `the Podlane agent refuses the request: ${why}`, details: why }
  await deliver(fd, encodeReply(errorReply(error, newestVersion)), options)
}

/** The whole frame, a refusal, or undefined if the client went away or was too slow. Fills `fds`. */
function readRequest(
  fd: number,
  fds: number[],
  options: ConnectionOptions,
): Promise<Buffer | string | undefined> {
  // The first piece until the length is known, then the whole frame, allocated once however small the pieces are.
  let frame = Buffer.alloc(0)
  let filled = 0
  let length: number | undefined
  return whenReady<Buffer | string | undefined>(fd, READABLE, options.timeoutMs, () => {
    for (;;) {
      const received = options.receiver.receive(fd)
      if (received.state === 'wait') return 'again'
      if (received.state === 'end') return { done: undefined }
      fds.push(...received.fds)
      if (fds.length > 1) return { done: `${fds.length} descriptors with a request` }
      if (length === undefined) {
        const start = Buffer.concat([frame.subarray(0, filled), received.bytes])
        const wanted = requestLength(start)
        if (typeof wanted === 'string') return { done: wanted }
        if (wanted !== undefined && start.length > wanted) return { done: 'bytes after the request' }
        length = wanted
        frame = Buffer.alloc(wanted ?? start.length)
        start.copy(frame)
        filled = start.length
      } else {
        if (filled + received.bytes.length > length) return { done: 'bytes after the request' }
        filled += received.bytes.copy(frame, filled)
      }
      if (filled === length) return { done: frame }
    }
  })
}

/** False if the client is gone or does not take the bytes. */
async function deliver(fd: number, frame: Buffer, options: ConnectionOptions): Promise<boolean> {
  let rest = frame
  const taken = await whenReady(fd, WRITABLE, options.timeoutMs, () => {
    const n = sendUnix(fd, rest)
    if (n === undefined) return { done: false }
    rest = rest.subarray(n)
    return rest.length === 0 ? { done: true } : 'again'
  })
  return taken ?? false
}

/** Tries at once, the common case, then whenever the socket is ready; undefined when the time is over. */
function whenReady<T>(
  fd: number,
  events: number,
  timeoutMs: number,
  attempt: () => 'again' | { readonly done: T },
): Promise<T | undefined> {
  const first = attempt()
  if (first !== 'again') return Promise.resolve(first.done)
  return new Promise((resolve) => {
    const finish = (value: T | undefined): void => {
      clearTimeout(timer)
      stop()
      resolve(value)
    }
    const timer = setTimeout(() => finish(undefined), timeoutMs)
    const stop = poll(fd, events, () => {
      const next = attempt()
      if (next !== 'again') finish(next.done)
    })
  })
}
