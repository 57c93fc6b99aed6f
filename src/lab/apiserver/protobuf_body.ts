// Bodies in Kubernetes' protobuf form, which newer kubectl sends from `create namespace`, `create configmap` and their
// like. Only those kinds are known; numbers are those of k8s.io/api's generated.proto. Answers are always JSON.

import { err, ok, type Result } from '../../base/result.ts'
import type { Json, JsonObject } from './json.ts'
import { timestamp } from './object.ts'

type Kind =
  | 'text'
  | 'number'
  | 'flag'
  | 'bytes'
  | 'time'
  | 'int-or-string'
  /** map<string, string> and map<string, bytes>. */
  | 'texts'
  | 'datas'
  | Message
type Entry = { readonly name: string; readonly kind: Kind; readonly many: boolean }
type Message = Readonly<Record<number, Entry>>

const one = (name: string, kind: Kind): Entry => ({ name, kind, many: false })
const many = (name: string, kind: Kind): Entry => ({ name, kind, many: true })

const META: Message = {
  1: one('name', 'text'),
  2: one('generateName', 'text'),
  3: one('namespace', 'text'),
  5: one('uid', 'text'),
  6: one('resourceVersion', 'text'),
  8: one('creationTimestamp', 'time'),
  11: one('labels', 'texts'),
  12: one('annotations', 'texts'),
  14: many('finalizers', 'text'),
}

const SERVICE_PORT: Message = {
  1: one('name', 'text'),
  2: one('protocol', 'text'),
  3: one('port', 'number'),
  4: one('targetPort', 'int-or-string'),
  5: one('nodePort', 'number'),
  6: one('appProtocol', 'text'),
}

const SERVICE_SPEC: Message = {
  1: many('ports', SERVICE_PORT),
  2: one('selector', 'texts'),
  3: one('clusterIP', 'text'),
  4: one('type', 'text'),
  5: many('externalIPs', 'text'),
  7: one('sessionAffinity', 'text'),
  8: one('loadBalancerIP', 'text'),
  9: many('loadBalancerSourceRanges', 'text'),
  10: one('externalName', 'text'),
  11: one('externalTrafficPolicy', 'text'),
  12: one('healthCheckNodePort', 'number'),
  13: one('publishNotReadyAddresses', 'flag'),
  17: one('ipFamilyPolicy', 'text'),
  18: many('clusterIPs', 'text'),
  19: many('ipFamilies', 'text'),
  22: one('internalTrafficPolicy', 'text'),
}

const REFERENCE: Message = { 1: one('name', 'text') }

const KINDS: Readonly<Record<string, Message>> = {
  Namespace: { 1: one('metadata', META) },
  ConfigMap: { 1: one('metadata', META), 2: one('data', 'texts'), 3: one('binaryData', 'datas') },
  Secret: {
    1: one('metadata', META),
    2: one('data', 'datas'),
    3: one('type', 'text'),
    4: one('stringData', 'texts'),
    5: one('immutable', 'flag'),
  },
  ServiceAccount: { 1: one('metadata', META), 3: many('imagePullSecrets', REFERENCE) },
  Service: { 1: one('metadata', META), 2: one('spec', SERVICE_SPEC) },
  DeleteOptions: {
    1: one('gracePeriodSeconds', 'number'),
    2: one('preconditions', { 1: one('uid', 'text'), 2: one('resourceVersion', 'text') }),
    4: one('propagationPolicy', 'text'),
    5: many('dryRun', 'text'),
  },
}

/** `k8s\0`, then a runtime.Unknown. */
const MAGIC = [0x6b, 0x38, 0x73, 0x00] as const
const ENVELOPE: Message = {
  1: one('typeMeta', { 1: one('apiVersion', 'text'), 2: one('kind', 'text') }),
  2: one('raw', 'bytes'),
}

/** The object as JSON; the error says in words what is not understood. */
export function parseProtobufBody(body: Uint8Array): Result<JsonObject, string> {
  if (!MAGIC.every((byte, i) => body[i] === byte)) return err('it does not begin with the mark of Kubernetes')
  try {
    const { typeMeta, raw } = decode(ENVELOPE, body.subarray(MAGIC.length))
    const type = typeMeta as { readonly apiVersion?: string; readonly kind?: string } | undefined
    const message = KINDS[type?.kind ?? '']
    if (!message) return err(`the kind ${type?.kind ?? ''} is known in JSON only`)
    return ok({ ...type, ...decode(message, Buffer.from(String(raw ?? ''), 'base64')) })
  } catch (e) {
    if (e instanceof RangeError) return err('it is cut off or damaged')
    throw e
  }
}

type Cursor = { readonly bytes: Uint8Array; at: number }

function varint(cursor: Cursor): number {
  let value = 0
  for (let factor = 1; factor <= 2 ** 63; factor *= 128) {
    const byte = cursor.bytes[cursor.at++]
    if (byte === undefined) break
    value += (byte & 0x7f) * factor
    if (byte < 0x80) return value
  }
  throw new RangeError('varint')
}

function delimited(cursor: Cursor): Uint8Array {
  const length = varint(cursor)
  const end = cursor.at + length
  if (end > cursor.bytes.length) throw new RangeError('length')
  const out = cursor.bytes.subarray(cursor.at, end)
  cursor.at = end
  return out
}

/** Empty texts are left out: Go writes them for every absent field. */
function decode(message: Message, bytes: Uint8Array): JsonObject {
  const cursor: Cursor = { bytes, at: 0 }
  const out: Record<string, Json> = {}
  while (cursor.at < bytes.length) {
    const tag = varint(cursor)
    const wire = tag & 7
    const value = wire === 0 ? varint(cursor) : wire === 2 ? delimited(cursor) : undefined
    if (value === undefined) throw new RangeError('wire type')
    const entry = message[Math.floor(tag / 8)]
    if (!entry) continue
    const decoded = decodeValue(entry.kind, value)
    if (decoded === undefined) continue
    const before = out[entry.name]
    if (entry.many) out[entry.name] = [...(Array.isArray(before) ? (before as readonly Json[]) : []), decoded]
    else if (entry.kind === 'texts' || entry.kind === 'datas') {
      out[entry.name] = { ...(before as JsonObject | undefined), ...(decoded as JsonObject) }
    } else out[entry.name] = decoded
  }
  return out
}

function decodeValue(kind: Kind, value: number | Uint8Array): Json | undefined {
  if (typeof value === 'number') return kind === 'flag' ? value === 1 || undefined : value || undefined
  if (typeof kind === 'object') return decode(kind, value)
  const text = Buffer.from(value).toString()
  switch (kind) {
    case 'bytes':
      return Buffer.from(value).toString('base64')
    case 'texts':
      return mapEntry(value, 'text')
    case 'datas':
      return mapEntry(value, 'bytes')
    case 'time':
      return timeOf(value)
    case 'int-or-string':
      return intOrString(value)
    default:
      return text === '' ? undefined : text
  }
}

function mapEntry(bytes: Uint8Array, kind: 'text' | 'bytes'): JsonObject {
  const { key, value } = decode({ 1: one('key', 'text'), 2: one('value', kind) }, bytes)
  return { [String(key ?? '')]: value ?? '' }
}

function timeOf(bytes: Uint8Array): string | undefined {
  const { seconds } = decode({ 1: one('seconds', 'number') }, bytes)
  // Go's zero time is a huge negative number of seconds; it means «not set».
  return typeof seconds === 'number' && seconds < 2 ** 40 ? timestamp(seconds * 1000) : undefined
}

function intOrString(bytes: Uint8Array): Json | undefined {
  const message = { 1: one('type', 'number'), 2: one('int', 'number'), 3: one('text', 'text') }
  const { type, int, text } = decode(message, bytes)
  return type === 1 ? text : int
}
