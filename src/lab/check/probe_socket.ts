// A socket inside some network namespace, spoken to from outside of it: opened there, then driven by the event loop.
// Every wait has an end.

import { poll, READABLE, WRITABLE } from '../../kernel/addon.ts'
import { EAGAIN, EINTR, errnoName } from '../../kernel/errno.ts'
import { call, mustCall } from '../../kernel/syscalls.ts'
import { int, SOCK_CLOEXEC, SOCK_NONBLOCK } from '../sockets.ts'

const SOL_SOCKET = 1
const SO_ERROR = 4
const EINPROGRESS = 115
const ECONNREFUSED = 111

export type Received =
  | { readonly is: 'data'; readonly bytes: Uint8Array }
  | { readonly is: 'error'; readonly errno: number }
  | { readonly is: 'silence' }

export class ProbeSocket {
  readonly #fd: number
  readonly #buffer = new Uint8Array(65_536)

  /** Within `withNetns`: the socket stays in the namespace that the thread is in now. */
  constructor(family: number, type: number, protocol = 0) {
    this.#fd = mustCall('socket', family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol)
  }

  close(): void {
    call('close', this.#fd)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  option(level: number, name: number, value: number): void {
    mustCall('setsockopt', this.#fd, level, name, int(value), 4)
  }

  /** 0, or the errno: of a stream when the connection stands or is refused, otherwise at once. */
  async connect(address: Uint8Array, timeoutMs: number): Promise<number> {
    const began = -call('connect', this.#fd, address, address.length)
    if (began !== EINPROGRESS) return began
    if (!(await this.#ready(WRITABLE, timeoutMs))) return EINPROGRESS
    const value = int(0)
    mustCall('getsockopt', this.#fd, SOL_SOCKET, SO_ERROR, value, int(4))
    return new DataView(value.buffer).getInt32(0, true)
  }

  /** 0 or the errno. */
  send(bytes: Uint8Array, to?: Uint8Array): number {
    const sent = call('sendto', this.#fd, bytes, bytes.length, 0, to ?? null, to?.length ?? 0)
    return sent < 0 ? -sent : 0
  }

  /** What is there now; undefined for nothing. */
  take(): Exclude<Received, { is: 'silence' }> | undefined {
    for (;;) {
      const n = call('recvfrom', this.#fd, this.#buffer, this.#buffer.length, 0, null, null)
      if (n === -EAGAIN) return undefined
      if (n >= 0) return { is: 'data', bytes: this.#buffer.slice(0, n) }
      if (n !== -EINTR) return { is: 'error', errno: -n }
    }
  }

  async receive(timeoutMs: number): Promise<Received> {
    const deadline = performance.now() + timeoutMs
    for (;;) {
      const here = this.take()
      if (here) return here
      const leftMs = deadline - performance.now()
      if (leftMs <= 0 || !(await this.#ready(READABLE, leftMs))) return { is: 'silence' }
    }
  }

  #ready(events: number, timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (ready: boolean): void => {
        clearTimeout(timer)
        stop()
        resolve(ready)
      }
      const timer = setTimeout(done, timeoutMs, false)
      const stop = poll(this.#fd, events, () => done(true))
    })
  }
}

/** Why nothing came, in words. */
export function silenceText(received: Received): string {
  if (received.is === 'error') return errnoName(received.errno)
  return received.is === 'silence' ? 'no answer' : `an answer of ${received.bytes.length} bytes`
}

export const connectText = (errno: number): string =>
  errno === EINPROGRESS ? 'no answer' : errno === ECONNREFUSED ? 'refused' : errnoName(errno)
