// The frames between the CNI program (native/cni.c) and the agent; docs/design/cni.md draws them. Little-endian, as
// are all machines that Podlane runs on. The agent trusts no length in them.

import type { CniCall, GivenNetns, Reply } from './call.ts'

const MAGIC = 'PLCN'
const VERSION = 1
const REQUEST_HEADER = 20
const REPLY_HEADER = 12
const FLAG_REPEATED = 1
const NETNS_NONE = 0
const NETNS_OPEN = 1
const NETNS_FAILED = 2
const NETNS_OWN = 3
export const MAX_ENVIRONMENT = 256 << 10
export const MAX_CONFIG = 1 << 20
const MAX_REPLY = 4 << 20

/** Bytes in the whole request, undefined while its header is not all there, or why it is none. */
export function requestLength(start: Buffer): number | undefined | string {
  if (start.length < REQUEST_HEADER)
    return MAGIC.startsWith(start.toString('latin1', 0, 4)) ? undefined : 'no frame of the CNI program'
  if (start.toString('latin1', 0, 4) !== MAGIC) return 'no frame of the CNI program'
  if (start[4] !== VERSION) return `frame version ${start[4]}: program and agent are of different releases`
  const environment = start.readUInt32LE(12)
  const config = start.readUInt32LE(16)
  if (environment > MAX_ENVIRONMENT || config > MAX_CONFIG) return 'a request over its size limit'
  return REQUEST_HEADER + environment + config
}

/** The call in a whole request, or why it is none. `fds` are the descriptors that came with it. */
export function decodeRequest(frame: Buffer, fds: readonly number[]): CniCall | string {
  const environmentEnd = REQUEST_HEADER + frame.readUInt32LE(12)
  const netns = decodeNetns(frame, fds)
  if (typeof netns === 'string') return netns
  return {
    environment: frame.subarray(REQUEST_HEADER, environmentEnd),
    stdin: frame.subarray(environmentEnd),
    netns,
    repeated: ((frame[5] ?? 0) & FLAG_REPEATED) !== 0,
  }
}

function decodeNetns(frame: Buffer, fds: readonly number[]): GivenNetns | string {
  const [fd] = fds
  const state = frame[6]
  if (fds.length !== (state === NETNS_OPEN ? 1 : 0)) return `${fds.length} descriptors with a request`
  switch (state) {
    case NETNS_NONE:
      return { state: 'none' }
    case NETNS_OPEN:
      return { state: 'open', fd: fd ?? -1 }
    case NETNS_FAILED:
      return { state: 'failed', errno: frame.readUInt32LE(8) }
    case NETNS_OWN:
      return { state: 'own' }
    default:
      return `namespace state ${state}`
  }
}

export function encodeReply(reply: Pick<Reply, 'exitCode' | 'stdout'>): Buffer {
  const body = Buffer.from(reply.stdout)
  // No verb writes as much: a prevResult of 1 MiB does not grow fourfold in any form.
  if (body.length > MAX_REPLY) throw new Error(`a reply of ${body.length} bytes`)
  const frame = Buffer.alloc(REPLY_HEADER + body.length)
  frame.write(MAGIC, 'latin1')
  frame[4] = VERSION
  frame[5] = reply.exitCode
  frame.writeUInt32LE(body.length, 8)
  body.copy(frame, REPLY_HEADER)
  return frame
}
