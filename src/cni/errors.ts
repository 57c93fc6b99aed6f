// The CNI error object: the specification's codes, Podlane's own from 100 on, and which fault of the pod network
// becomes which code. docs/design/cni.md lists the same table for operators.

import { type Err, err, type Fault } from '../base/result.ts'
import type { Reply } from './call.ts'
import type { Version } from './versions.ts'

export const codes = {
  version: 1,
  unsupportedField: 2,
  unknownContainer: 3,
  environment: 4,
  io: 5,
  decode: 6,
  config: 7,
  namespace: 8,
  tryAgain: 11,
  notReady: 50,
  limited: 51,
  /** A fault that has no code of its own; `details` says everything. */
  other: 100,
  rangeExhausted: 101,
  addressUnavailable: 102,
  portTaken: 103,
  checkFailed: 104,
  kernel: 105,
  gcIncomplete: 106,
} as const

/** Everything of an error object but the version, which only the caller of a parser knows. */
export type CniError = { readonly code: number; readonly msg: string; readonly details: string }

export const failure = (code: number, msg: string, details: string): Err<CniError> =>
  err({ code, msg, details })

const codeOfKind: ReadonlyMap<string, number> = new Map([
  ['unknown-container', codes.unknownContainer],
  ['exists', codes.environment],
  ['bad-namespace', codes.namespace],
  ['try-again', codes.tryAgain],
  ['range-exhausted', codes.rangeExhausted],
  ['address-unavailable', codes.addressUnavailable],
  ['port-taken', codes.portTaken],
  ['check-failed', codes.checkFailed],
  ['kernel', codes.kernel],
])

/** `context` is the verb's own sentence, such as `CNI_IFNAME eth0`, for codes that must name a variable. */
export function errorOfFault(fault: Fault, context: string): CniError {
  const code = codeOfKind.get(fault.kind) ?? codes.other
  const named = code === codes.environment ? `${context}: ${fault.object}` : fault.object
  return {
    code,
    msg: clipped(`${named}: ${fault.found}`, 300),
    details: clipped(`wanted ${fault.wanted}, found ${fault.found}; ${fault.next} [${fault.kind}]`, 4000),
  }
}

/** Exit code 1 and the error object on stdout. */
export function errorReply(error: CniError, cniVersion: Version): Reply {
  const { code, msg, details } = error
  return { exitCode: 1, stdout: `${JSON.stringify({ cniVersion, code, msg, details })}\n`, undo: undefined }
}

export const clipped = (text: string, longest: number): string =>
  text.length <= longest ? text : `${text.slice(0, longest - 1)}…`

/** A value from a config as it stood there, cut short: it may be of any size and depth. */
export function shown(value: unknown, depth = 3): string {
  if (typeof value === 'string') return clipped(JSON.stringify(value.slice(0, 200)), 200)
  if (typeof value !== 'object' || value === null) return String(value)
  if (depth === 0) return Array.isArray(value) ? '[…]' : '{…}'
  if (Array.isArray(value)) {
    const items = value.slice(0, 8).map((item) => shown(item, depth - 1))
    return clipped(`[${items.join(',')}${value.length > 8 ? ',…' : ''}]`, 400)
  }
  const entries = Object.entries(value)
  const pairs = entries
    .slice(0, 8)
    .map(([k, v]) => `${JSON.stringify(k.slice(0, 60))}:${shown(v, depth - 1)}`)
  return clipped(`{${pairs.join(',')}${entries.length > 8 ? ',…' : ''}}`, 400)
}
