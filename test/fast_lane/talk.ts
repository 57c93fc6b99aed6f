// A client in some namespace that speaks to an echo server: every answer says as whom the server saw the client, and
// is held against what was asked. Its socket is connected, so an answer from another address than the one asked is none.

import { familyOf, type Ip } from '../../src/base/ip.ts'
import { poll, READABLE, WRITABLE } from '../../src/kernel/addon.ts'
import { EAGAIN, errnoName } from '../../src/kernel/errno.ts'
import { call, mustCall } from '../../src/kernel/syscalls.ts'
import {
  addressFamily,
  int,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  socketAddress,
} from '../../src/lab/sockets.ts'
import { ip } from '../guard/cluster.ts'
import type { TestNamespace } from '../namespaces.ts'

export type Protocol = 'tcp' | 'udp'
export const protocols = ['tcp', 'udp'] as const
export type Question = {
  readonly from: TestNamespace
  readonly to: Ip
  readonly port: number
  readonly protocol: Protocol
  /** The client's own port; absent: any. */
  readonly fromPort?: number | undefined
  readonly timeoutMs?: number
}

const EINPROGRESS = 115
const SOL_SOCKET = 1
const [SO_REUSEADDR, SO_ERROR] = [2, 4]
const any = { 4: ip('0.0.0.0'), 6: ip('::') } as const

export class Talk {
  readonly fd: number
  readonly family: 4 | 6
  readonly #question: Question
  readonly #buffer = new Uint8Array(65_536)

  private constructor(question: Question) {
    this.#question = question
    this.family = familyOf(question.to)
    const type = question.protocol === 'tcp' ? SOCK_STREAM : SOCK_DGRAM
    this.fd = question.from.inside(() =>
      mustCall('socket', addressFamily(question.to), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
    )
    mustCall('setsockopt', this.fd, SOL_SOCKET, SO_REUSEADDR, int(1), 4)
    if (question.fromPort === undefined) return
    const own = socketAddress(any[this.family], question.fromPort)
    mustCall('bind', this.fd, own, own.length)
  }

  /** Connected, or an exception that says why not. */
  static async open(question: Question): Promise<Talk> {
    const talk = new Talk(question)
    const errno = await talk.#connect()
    if (errno === 0) return talk
    talk.close()
    throw new Error(`${words(question)}: ${errno === EINPROGRESS ? 'no answer' : errnoName(errno)}`)
  }

  async #connect(): Promise<number> {
    const { to, port, timeoutMs = 1000 } = this.#question
    const address = socketAddress(to, port)
    const begun = -call('connect', this.fd, address, address.length)
    if (begun !== EINPROGRESS) return begun
    return (await this.#ready(WRITABLE, timeoutMs)) ? this.number(SOL_SOCKET, SO_ERROR) : EINPROGRESS
  }

  /** The address that the server saw. The text has no spaces. */
  async ask(text: string): Promise<Ip> {
    const errno = this.send(Buffer.from(`${text}\n`))
    if (errno) throw new Error(`${words(this.#question)}: ${errnoName(errno)}`)
    let answer = ''
    do {
      const got = await this.receive(this.#question.timeoutMs)
      if (typeof got === 'string') throw new Error(`${words(this.#question)}: ${got}`)
      answer += got.toString('latin1')
    } while (!answer.endsWith('\n'))
    const [seen = '', echo] = answer.trimEnd().split(' ')
    if (echo !== text) throw new Error(`${words(this.#question)}: «${answer}» for «${text}»`)
    return ip(seen)
  }

  /** 0 or the errno. */
  send(bytes: Uint8Array): number {
    const sent = call('sendto', this.fd, bytes, bytes.length, 0x4000, null, 0)
    return sent < 0 ? -sent : 0
  }

  /** What came, or why nothing did. */
  async receive(timeoutMs = 1000): Promise<Buffer | string> {
    const end = performance.now() + timeoutMs
    for (;;) {
      const n = call('recvfrom', this.fd, this.#buffer, this.#buffer.length, 0, null, null)
      if (n > 0) return Buffer.from(this.#buffer.slice(0, n))
      if (n === 0) return 'closed'
      if (n !== -EAGAIN) return errnoName(-n)
      const leftMs = end - performance.now()
      if (leftMs <= 0 || !(await this.#ready(READABLE, leftMs))) return 'no answer'
    }
  }

  option(level: number, name: number, value: number): void {
    mustCall('setsockopt', this.fd, level, name, int(value), 4)
  }

  number(level: number, name: number): number {
    const value = int(0)
    mustCall('getsockopt', this.fd, level, name, value, int(4))
    return new DataView(value.buffer).getInt32(0, true)
  }

  close(): void {
    call('close', this.fd)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #ready(events: number, timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (ready: boolean): void => {
        clearTimeout(timer)
        stop()
        resolve(ready)
      }
      const timer = setTimeout(done, timeoutMs, false)
      const stop = poll(this.fd, events, () => done(true))
    })
  }
}

const words = ({ protocol, to, port }: Question): string => `${protocol} to ${to} port ${port}`

/** Many questions over one connection, then many connections of one question each; the addresses that were seen. */
export async function converse(question: Question): Promise<Ip[]> {
  const seen = new Set<Ip>()
  using long = await Talk.open(question)
  for (let n = 0; n < 20; n++) seen.add(await long.ask(`long-${n}`))
  for (let n = 0; n < 10; n++) {
    using short = await Talk.open(question)
    seen.add(await short.ask(`short-${n}`))
  }
  seen.add(await long.ask('still'))
  return [...seen]
}
