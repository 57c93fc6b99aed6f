// Node and Pod objects of the Kubernetes API to rows, trimmed to what the network needs. Any value at all may come
// in: what cannot be read becomes a complaint in the row, or a Fault if not even the name is there.

import { type Cidr, cidrFamily, parseCidr } from '../base/cidr.ts'
import { type Ip, parseIp } from '../base/ip.ts'
import { fault, ok, type Result } from '../base/result.ts'
import type { NodeRow, PodRow } from '../state/rows.ts'
import { isRoutable, isRoutableIp } from './routable.ts'

type Fields = Readonly<Record<string, unknown>>

/** Annotations are often larger than the rest of a pod; only those that the network reads are kept. */
const keptAnnotation = /^(podlane[./]|kubernetes\.io\/(ingress|egress)-bandwidth$)/

const none: Readonly<Record<string, string>> = Object.freeze({})

export function nodeFromApi(object: unknown): Result<NodeRow> {
  const node = fieldsOf(object)
  const name = textOf(fieldsOf(node.metadata).name)
  if (name === '') return nameless('Node', object)
  const complaints: string[] = []
  const addresses = nodeAddresses(fieldsOf(node.status), complaints)
  const podCidrs = nodeRanges(fieldsOf(node.spec), complaints)
  return ok({ name, addresses, podCidrs, complaints })
}

/** Undefined: a pod in the host's network, which is no row. */
export function podFromApi(object: unknown): Result<PodRow | undefined> {
  const pod = fieldsOf(object)
  const metadata = fieldsOf(pod.metadata)
  const uid = textOf(metadata.uid)
  const name = textOf(metadata.name)
  const namespace = textOf(metadata.namespace)
  if (uid === '' || name === '' || namespace === '') return nameless('Pod', object)
  if (fieldsOf(pod.spec).hostNetwork === true) return ok(undefined)
  const status = fieldsOf(pod.status)
  const ended = status.phase === 'Succeeded' || status.phase === 'Failed'
  const labels = texts(metadata.labels, () => true)
  const annotations = texts(metadata.annotations, (key) => keptAnnotation.test(key))
  return ok({ uid, namespace, name, addresses: podAddresses(status), ended, labels, annotations })
}

/** The uid of an object whose other fields do not matter any more. */
export const uidFromApi = (object: unknown): string => textOf(fieldsOf(fieldsOf(object).metadata).uid)
export const nameFromApi = (object: unknown): string => textOf(fieldsOf(fieldsOf(object).metadata).name)

function nodeAddresses(status: Fields, complaints: string[]): readonly Ip[] {
  const found = new Set<Ip>()
  const listed = listOf(status.addresses).map(fieldsOf)
  const internal = listed.filter((a) => a.type === 'InternalIP')
  if (listed.length > 0 && internal.length === 0) complaints.push('no address of type InternalIP')
  for (const { address } of internal) {
    const ip = parseIp(textOf(address))
    if (ip.ok && isRoutableIp(ip.value)) found.add(ip.value)
    else complaints.push(`unusable internal address ${shown(address)}`)
  }
  return [...found]
}

function nodeRanges(spec: Fields, complaints: string[]): readonly Cidr[] {
  const found: Cidr[] = []
  // podCIDR is the older, single form and repeats the first of podCIDRs.
  const listed = listOf(spec.podCIDRs)
  if (listed.length === 0 && spec.podCIDR !== undefined && spec.podCIDR !== '') listed.push(spec.podCIDR)
  for (const text of listed) {
    const cidr = parseCidr(textOf(text))
    if (!cidr.ok || !isRoutable(cidr.value)) complaints.push(`unusable pod range ${shown(text)}`)
    else if (found.some((other) => cidrFamily(other) === cidrFamily(cidr.value)))
      complaints.push(`second IPv${cidrFamily(cidr.value)} pod range ${cidr.value} is not used`)
    else found.push(cidr.value)
  }
  return found
}

/** The API server has checked these; one that does not parse names no address and is left out. */
function podAddresses(status: Fields): readonly Ip[] {
  const listed = listOf(status.podIPs).map((entry) => fieldsOf(entry).ip)
  if (listed.length === 0) listed.push(status.podIP)
  const parsed = listed.map((text) => parseIp(textOf(text)))
  return [...new Set(parsed.flatMap((ip) => (ip.ok ? [ip.value] : [])))]
}

function texts(value: unknown, keep: (key: string) => boolean): Readonly<Record<string, string>> {
  const entries = Object.entries(fieldsOf(value))
  const kept = entries.flatMap(([key, text]) => (typeof text === 'string' && keep(key) ? [[key, text]] : []))
  return kept.length === 0 ? none : Object.fromEntries(kept)
}

const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : none
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? [...value] : [])
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')
const shown = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, 80)

function nameless(kind: string, object: unknown): Result<never> {
  return fault(
    'bad-object',
    `${kind} from the API`,
    'an object with a name, and for pods namespace and uid',
    shown(fieldsOf(object).metadata),
    'it is left out; look for it with kubectl',
  )
}
