// Netlink messages (struct nlmsghdr) and what the kernel answers to them (struct nlmsgerr with extended ack).

import { attributes, readText, readU32 } from './attribute.ts'

export const HEADER_BYTES = 16
export const NLM_F_REQUEST = 0x01
export const NLM_F_ACK = 0x04
export const NLM_F_ECHO = 0x08
export const NLM_F_DUMP = 0x300
export const NLM_F_REPLACE = 0x100
export const NLM_F_EXCL = 0x200
export const NLM_F_CREATE = 0x400
export const NLM_F_APPEND = 0x800
const NLM_F_DUMP_INTR = 0x10
const NLM_F_CAPPED = 0x100
const NLM_F_ACK_TLVS = 0x200
const NLMSG_ERROR = 2
const NLMSG_DONE = 3
const NLMSGERR_ATTR_MSG = 1
const NLMSGERR_ATTR_OFFS = 2

/** A request before it has a sequence number. `object` and `wanted` are words for the error. */
export type Message = {
  readonly type: number
  readonly flags: number
  readonly body: Uint8Array
  /** What the message is about, e.g. `route 10.244.2.0/24 dev podlane-vxlan`. */
  readonly object: string
}

/** What the kernel said to one message. */
export type Answer =
  | { readonly ok: true; readonly replies: readonly Uint8Array[] }
  | { readonly ok: false; readonly errno: number; readonly text: string }

export function encode(message: Message, sequence: number): Uint8Array {
  const out = new Uint8Array((HEADER_BYTES + message.body.length + 3) & ~3)
  const view = new DataView(out.buffer)
  view.setUint32(0, HEADER_BYTES + message.body.length, true)
  view.setUint16(4, message.type, true)
  view.setUint16(6, message.flags | NLM_F_REQUEST, true)
  view.setUint32(8, sequence, true)
  out.set(message.body, HEADER_BYTES)
  return out
}

export type Received = {
  readonly type: number
  readonly sequence: number
  /** Undefined unless this is an ack or error. */
  readonly status: { readonly errno: number; readonly text: string } | undefined
  readonly done: boolean
  /** The dump was disturbed by a change: repeat it. */
  readonly interrupted: boolean
  readonly body: Uint8Array
}

/** The messages of one datagram; bodies are views into it. */
export function decode(datagram: Uint8Array): Received[] {
  const out: Received[] = []
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength)
  let at = 0
  while (at + HEADER_BYTES <= datagram.length) {
    const length = view.getUint32(at, true)
    if (length < HEADER_BYTES || at + length > datagram.length) break
    const type = view.getUint16(at + 4, true)
    const flags = view.getUint16(at + 6, true)
    const body = datagram.subarray(at + HEADER_BYTES, at + length)
    out.push({
      type,
      sequence: view.getUint32(at + 8, true),
      status: type === NLMSG_ERROR || type === NLMSG_DONE ? status(body, flags, type) : undefined,
      done: type === NLMSG_DONE,
      interrupted: (flags & NLM_F_DUMP_INTR) !== 0 && type !== NLMSG_ERROR,
      body,
    })
    at += (length + 3) & ~3
  }
  return out
}

function status(body: Uint8Array, flags: number, type: number): { errno: number; text: string } {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  const errno = body.length >= 4 ? -view.getInt32(0, true) : 0
  if (!(flags & NLM_F_ACK_TLVS)) return { errno, text: '' }
  // After the errno stands the header of the request, or all of it when the socket does not cap it.
  const requestBytes =
    type === NLMSG_DONE ? 0 : flags & NLM_F_CAPPED ? HEADER_BYTES : (view.getUint32(4, true) + 3) & ~3
  const said = attributes(body.subarray(4 + requestBytes))
  const offset = readU32(said.get(NLMSGERR_ATTR_OFFS))
  const text = readText(said.get(NLMSGERR_ATTR_MSG)) ?? ''
  return { errno, text: text && offset ? `${text} (at byte ${offset})` : text }
}
