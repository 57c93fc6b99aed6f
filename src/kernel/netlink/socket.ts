// A netlink socket of one namespace: batches of requests in one write with an answer each, and dumps.
// Synchronous; used by the kernel Worker, tests and the lab.

import type { Fault } from '../../base/result.ts'
import { EAGAIN, EINTR, ENOBUFS, errnoName } from '../errno.ts'
import { call, mustCall } from '../syscalls.ts'
import { concat, u32 } from './attribute.ts'
import { type Answer, decode, encode, type Message, NLM_F_ACK, NLM_F_DUMP, type Received } from './message.ts'

export const NETLINK_ROUTE = 0
export const NETLINK_NETFILTER = 12
const AF_NETLINK = 16
const SOCK_RAW_CLOEXEC = 3 | 0x80000
export const SOCK_NONBLOCK = 0x800
const SOL_SOCKET = 1
const SO_RCVTIMEO = 20
const SO_SNDBUFFORCE = 32
const SO_RCVBUFFORCE = 33
const SOL_NETLINK = 270
const NETLINK_ADD_MEMBERSHIP = 1
const NETLINK_CAP_ACK = 10
const NETLINK_EXT_ACK = 11
const NETLINK_GET_STRICT_CHK = 12
const RECEIVE_BYTES = 4 << 20
/** A transaction is one datagram: the sets of some ten thousand nodes fit. */
const SEND_BYTES = 16 << 20
const DATAGRAM_BYTES = 256 << 10
/** Messages a write: their acks must fit into the receive buffer. */
const BATCH_MESSAGES = 500
const BATCH_BYTES = 60_000
/** The kernel answers within a system call; a silence this long is a bug or a dead machine. */
const TIMEOUT_S = 30

// One buffer a thread: every exchange copies what it keeps, and none is interrupted by another.
const buffer = new Uint8Array(DATAGRAM_BYTES)

/** The fault of one refused message: what was asked, what the kernel said. */
export function answerFault(message: Message, answer: Extract<Answer, { ok: false }>): Fault {
  return {
    kind: 'kernel',
    object: message.object,
    wanted: 'the kernel to accept it',
    found: `${errnoName(answer.errno)}${answer.text ? `: ${answer.text}` : ''}`,
    next: 'the object stays dirty and is tried again; if it persists, compare with «podlane status»',
  }
}

export class NetlinkSocket {
  readonly fd: number
  #sequence = 1

  /** Made in the calling thread's present namespace: see `withNetns`. */
  constructor(
    protocol: number,
    options: { readonly groups?: readonly number[]; readonly nonblocking?: boolean } = {},
  ) {
    this.fd = mustCall(
      'socket',
      AF_NETLINK,
      SOCK_RAW_CLOEXEC | (options.nonblocking ? SOCK_NONBLOCK : 0),
      protocol,
    )
    this.#option(SOL_SOCKET, SO_RCVBUFFORCE, u32(RECEIVE_BYTES))
    this.#option(SOL_SOCKET, SO_SNDBUFFORCE, u32(SEND_BYTES))
    this.#option(SOL_SOCKET, SO_RCVTIMEO, concat([u32(TIMEOUT_S), new Uint8Array(12)]))
    this.#option(SOL_NETLINK, NETLINK_EXT_ACK, u32(1))
    this.#option(SOL_NETLINK, NETLINK_CAP_ACK, u32(1))
    this.#option(SOL_NETLINK, NETLINK_GET_STRICT_CHK, u32(1))
    mustCall('bind', this.fd, Uint8Array.of(AF_NETLINK, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), 12)
    for (const group of options.groups ?? []) this.#option(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, u32(group))
  }

  close(): void {
    call('close', this.fd)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** Sends all messages, in as few writes as fit, and returns the kernel's answer to each, in order. */
  batch(messages: readonly Message[]): Answer[] {
    const answers: Answer[] = []
    for (const part of chunks(messages)) answers.push(...this.#exchange(part))
    return answers
  }

  /** One message; its answer. */
  request(message: Message): Answer {
    return this.batch([message])[0] as Answer
  }

  /**
   * All messages or none, between a begin and an end that the kernel does not answer (nfnetlink). A refusal of the
   * whole is given to each of them.
   */
  transaction(begin: Message, messages: readonly Message[], end: Message): Answer[] {
    return this.#exchange(messages, begin, end)
  }

  /** Bodies of all objects that a dump yields; repeated while the kernel says that a change disturbed it. */
  dump(message: Message): Uint8Array[] {
    for (let attempt = 0; attempt < 50; attempt++) {
      const bodies = this.#dumpOnce(message)
      if (bodies) return bodies
    }
    throw new Error(`dump of ${message.object}: disturbed 50 times in a row`)
  }

  /** Everything that waits on a multicast socket, without blocking; `lost` when the kernel had to drop some. */
  drain(): {
    readonly messages: readonly { readonly type: number; readonly body: Uint8Array }[]
    readonly lost: boolean
  } {
    const messages: { type: number; body: Uint8Array }[] = []
    let lost = false
    for (;;) {
      const n = call('recvfrom', this.fd, buffer, buffer.length, 0, null, null)
      if (n === -EAGAIN) return { messages, lost }
      if (n === -ENOBUFS) lost = true
      else if (n < 0 && n !== -EINTR) throw new Error(`netlink events: ${errnoName(-n)}`)
      else if (n > 0)
        for (const m of decode(buffer.slice(0, n))) messages.push({ type: m.type, body: m.body })
    }
  }

  #exchange(messages: readonly Message[], begin?: Message, end?: Message): Answer[] {
    const beginSequence = this.#sequence++
    const first = this.#sequence
    this.#sequence += messages.length
    this.#send(
      concat([
        ...(begin ? [encode(begin, beginSequence)] : []),
        ...messages.map((m, i) => encode({ ...m, flags: m.flags | NLM_F_ACK }, first + i)),
        ...(end ? [encode(end, this.#sequence++)] : []),
      ]),
    )
    const replies = messages.map((): Uint8Array[] => [])
    const answers: (Answer | undefined)[] = messages.map(() => undefined)
    let open = messages.length
    while (open > 0) {
      for (const m of this.#receive()) {
        if (begin && m.sequence === beginSequence && m.status?.errno) {
          const refused = { ok: false, errno: m.status.errno, text: m.status.text } as const
          return messages.map(() => refused)
        }
        const at = m.sequence - first
        if (at < 0 || at >= messages.length || answers[at]) continue
        if (!m.status) replies[at]?.push(m.body)
        else {
          answers[at] = m.status.errno
            ? { ok: false, errno: m.status.errno, text: m.status.text }
            : { ok: true, replies: replies[at] ?? [] }
          open--
        }
      }
    }
    return answers as Answer[]
  }

  #dumpOnce(message: Message): Uint8Array[] | undefined {
    const sequence = this.#sequence++
    this.#send(encode({ ...message, flags: message.flags | NLM_F_DUMP }, sequence))
    const bodies: Uint8Array[] = []
    let interrupted = false
    for (;;) {
      for (const m of this.#receive()) {
        if (m.sequence !== sequence) continue
        interrupted ||= m.interrupted
        if (m.status?.errno)
          throw new Error(`dump of ${message.object}: ${errnoName(m.status.errno)} ${m.status.text}`)
        if (m.done) return interrupted ? undefined : bodies
        bodies.push(m.body)
      }
    }
  }

  #send(bytes: Uint8Array): void {
    const kernel = Uint8Array.of(AF_NETLINK, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    mustCall('sendto', this.fd, bytes, bytes.length, 0, kernel, 12)
  }

  #receive(): Received[] {
    for (;;) {
      const n = call('recvfrom', this.fd, buffer, buffer.length, 0, null, null)
      if (n === -EINTR) continue
      if (n < 0) throw new Error(`netlink answer: ${errnoName(-n)}`)
      return decode(buffer.slice(0, n))
    }
  }

  #option(level: number, name: number, value: Uint8Array): void {
    // An option that this kernel does not know leaves only the words of its errors poorer.
    call('setsockopt', this.fd, level, name, value, value.length)
  }
}

function* chunks(messages: readonly Message[]): Generator<Message[]> {
  let part: Message[] = []
  let bytes = 0
  for (const m of messages) {
    if (part.length >= BATCH_MESSAGES || bytes + m.body.length > BATCH_BYTES) {
      yield part
      part = []
      bytes = 0
    }
    part.push(m)
    bytes += m.body.length + 20
  }
  if (part.length > 0) yield part
}
