// What GET /explain is asked: FROM and TO as a person says them, what the packet is like, and what would be changed. Or
// what a packet is like that arrives from another node.

import * as v from 'valibot'
import { type Ip, parseIp } from '../base/ip.ts'
import { err, fault, ok, type Result } from '../base/result.ts'
import { protocolValue, type Wire, wireSchema } from './walk.ts'

export type Change = {
  readonly lane?: 'fast' | 'plain'
  readonly path?: 'direct' | 'vxlan'
  /** Of the uplinks of both nodes, and of what follows from it. */
  readonly mtuBytes?: number
}
type Common = { readonly change: Change | undefined }
export type WalkQuestion = Common &
  (
    | {
        readonly from: string
        readonly to: string
        readonly port: number | undefined
        readonly sourcePort: number | undefined
        readonly protocol: Wire['packet']['protocol']
        readonly bytes: number | undefined
        /** Another source address than the sender's own. */
        readonly as: Ip | undefined
      }
    | {
        readonly arriving: Wire
        /** What the sender would send with its own part of the change. */
        readonly instead: Wire | undefined
      }
  )
export type NearQuestion = Exclude<WalkQuestion, { readonly arriving: Wire }>

const SMALLEST_MTU_BYTES = 576
const LARGEST_MTU_BYTES = 65_535

/** `10.0.0.1:80`, `[fd00::1]:80`, `ns/name:80`, each without a port too. */
export function splitTarget(text: string): { readonly to: string; readonly port: number | undefined } {
  const bracketed = /^\[([^\]]*)\](?::(\d{1,5}))?$/.exec(text)
  if (bracketed) return { to: bracketed[1] ?? '', port: portOf(bracketed[2]) }
  const [name = '', port, ...rest] = text.split(':')
  if (rest.length > 0 || port === undefined || !/^\d{1,5}$/.test(port)) return { to: text, port: undefined }
  return { to: name, port: portOf(port) }
}

const portOf = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : Number(text)

export function parseWalkQuestion(query: URLSearchParams): Result<WalkQuestion> {
  const change = parseChanges(query.getAll('if'))
  if (!change.ok) return change
  if (query.has('arriving')) return parseArriving(query, change.value)
  const from = query.get('from') ?? ''
  const to = query.get('to') ?? ''
  if (from === '' || to === '')
    return bad('from and to', 'both: a pod, an address or «node»', 'one is missing')
  const protocol = v.safeParse(protocolValue, query.get('protocol') ?? 'tcp')
  if (!protocol.success) return bad('protocol', 'tcp, udp or icmp', query.get('protocol') ?? '')
  const port = numberOf(query, 'port', 1, 65_535)
  if (!port.ok) return port
  const sourcePort = numberOf(query, 'sport', 1, 65_535)
  if (!sourcePort.ok) return sourcePort
  const bytes = numberOf(query, 'bytes', 20, LARGEST_MTU_BYTES)
  if (!bytes.ok) return bytes
  const asText = query.get('as')
  const as = asText === null ? ok(undefined) : parseIp(asText)
  if (!as.ok) return as
  return ok({
    ...{ from, to, protocol: protocol.output, port: port.value, sourcePort: sourcePort.value },
    ...{ bytes: bytes.value, as: as.value, change: change.value },
  })
}

function parseArriving(query: URLSearchParams, change: Change | undefined): Result<WalkQuestion> {
  const [arriving, instead] = ['arriving', 'instead'].map((name) => {
    const text = query.get(name)
    return text === null ? undefined : v.safeParse(v.pipe(v.string(), v.parseJson(), wireSchema), text)
  })
  if (arriving?.success && instead?.success !== false)
    return ok({ arriving: arriving.output, instead: instead?.output, change })
  return bad('arriving', 'a packet as another agent describes it', 'another text')
}

function numberOf(
  query: URLSearchParams,
  name: string,
  min: number,
  max: number,
): Result<number | undefined> {
  const text = query.get(name)
  if (text === null) return ok(undefined)
  const value = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return ok(value)
  return bad(name, `a whole number from ${min} to ${max}`, text)
}

/** `lane=plain`, `path=vxlan`, `mtu=9000`. */
export function parseChanges(texts: readonly string[]): Result<Change | undefined> {
  if (texts.length === 0) return ok(undefined)
  let change: Change = {}
  for (const text of texts) {
    const [name = '', value = ''] = text.split('=')
    const one = parseChange(name, value, text)
    if (!one.ok) return one
    change = { ...change, ...one.value }
  }
  return ok(change)
}

function parseChange(name: string, value: string, text: string): Result<Change> {
  if (name === 'lane' && (value === 'fast' || value === 'plain')) return ok({ lane: value })
  if (name === 'path' && (value === 'direct' || value === 'vxlan')) return ok({ path: value })
  if (name === 'mtu') {
    const mtuBytes = /^\d{1,5}$/.test(value) ? Number(value) : 0
    if (mtuBytes >= SMALLEST_MTU_BYTES && mtuBytes <= LARGEST_MTU_BYTES) return ok({ mtuBytes })
    return bad(`--if ${text}`, `an MTU from ${SMALLEST_MTU_BYTES} to ${LARGEST_MTU_BYTES}`, value)
  }
  if (name === 'policy')
    return fault(
      'bad-option',
      `--if ${text}`,
      'an agent that judges by policy',
      'policy is not built yet: nothing is filtered by it',
      'ask about lane, path or mtu',
    )
  const wanted = 'lane=fast|plain, path=direct|vxlan or mtu=BYTES'
  return bad(`--if ${text}`, wanted, `«${text}»`)
}

const bad = (object: string, wanted: string, found: string): Result<never> =>
  err({ kind: 'bad-option', object, wanted, found, next: 'see «podlane explain --help»' })

export const changeTexts = ({ lane, path, mtuBytes }: Change): string[] => [
  ...(lane === undefined ? [] : [`lane=${lane}`]),
  ...(path === undefined ? [] : [`path=${path}`]),
  ...(mtuBytes === undefined ? [] : [`mtu=${mtuBytes}`]),
]
