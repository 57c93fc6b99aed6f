// FROM and TO as people say them → the ends of a packet: a pod of this node by name or address, this node, another node by
// name, or any address. PURE.

import { type Cidr, cidrContains } from '../../base/cidr.ts'
import { familyOf, type Ip, parseIp } from '../../base/ip.ts'
import { err, fault, ok, type Result } from '../../base/result.ts'
import type { PeerFact } from '../../observe/walk/facts.ts'
import { nearestName } from '../../schema/nearest.ts'
import type { NearQuestion } from '../../schema/walk_question.ts'

export type KnownPod = {
  /** `namespace/name`, or the container's ID where nobody has said a name. */
  readonly name: string
  readonly addresses: readonly Ip[]
}
export type KnownPeer = {
  readonly name: string
  readonly address: Ip
  readonly addresses: readonly Ip[]
  readonly onLink: readonly Ip[]
  readonly ranges: readonly { readonly cidr: Cidr }[]
}
export type Known<P extends KnownPod = KnownPod> = {
  readonly node: string
  readonly addresses: readonly Ip[]
  readonly pods: readonly P[]
  readonly peers: readonly KnownPeer[]
}
export type Ends<P extends KnownPod = KnownPod> = {
  /** Undefined: the node itself. */
  readonly sender: P | undefined
  readonly from: string
  readonly to: string
  readonly source: Ip
  readonly destination: Ip
}

export const THIS_NODE = 'node'

/** A pod's name may be said without its namespace. */
const isCalled = (name: string, said: string): boolean => name === said || name.split('/').at(-1) === said

export function endsOf<P extends KnownPod>(q: NearQuestion, known: Known<P>): Result<Ends<P>> {
  const from = senderOf(q.from, known)
  if (!from.ok) return from
  const to = targetsOf(q.to, known)
  if (!to.ok) return to
  const own = from.value.addresses
  const asked = parseIp(q.from)
  const fits = (d: Ip, s: Ip): boolean => familyOf(d) === familyOf(s)
  // As a pod that is asked for by one of its addresses, that one sends.
  const sources = asked.ok ? [asked.value] : own
  const destination = to.value.addresses.find((d) => sources.some((s) => fits(d, s)))
  const source = destination && sources.find((s) => fits(destination, s))
  if (destination === undefined || source === undefined) return noFamily(q, sources, to.value.addresses)
  return ok({
    sender: from.value.pod,
    from: from.value.name,
    to: to.value.name,
    source: q.as ?? source,
    destination,
  })
}

type Sender<P> = { readonly pod: P | undefined; readonly name: string; readonly addresses: readonly Ip[] }

function senderOf<P extends KnownPod>(said: string, known: Known<P>): Result<Sender<P>> {
  const ip = parseIp(said)
  if (said === THIS_NODE || said === known.node || (ip.ok && known.addresses.includes(ip.value)))
    return ok({ pod: undefined, name: `node ${known.node}`, addresses: known.addresses })
  const pod = podOf(said, known)
  if (pod.ok && pod.value) return ok({ pod: pod.value, name: pod.value.name, addresses: pod.value.addresses })
  if (!pod.ok) return pod
  return unknown(
    'FROM',
    said,
    'a pod of this node, by name or address, or «node»',
    known,
    known.pods.map((p) => p.name),
  )
}

type Target = { readonly name: string; readonly addresses: readonly Ip[] }

function targetsOf(said: string, known: Known): Result<Target> {
  if (said === THIS_NODE || said === known.node)
    return ok({ name: `node ${known.node}`, addresses: known.addresses })
  const pod = podOf(said, known)
  if (!pod.ok) return pod
  if (pod.value) {
    const ip = parseIp(said)
    return ok({ name: pod.value.name, addresses: ip.ok ? [ip.value] : pod.value.addresses })
  }
  const peer = known.peers.find((p) => p.name === said)
  if (peer) return ok({ name: `node ${peer.name}`, addresses: [peer.address, ...peer.addresses] })
  const ip = parseIp(said)
  if (ip.ok) return ok({ name: nameOfAddress(ip.value, known), addresses: [ip.value] })
  const names = [...known.pods.map((p) => p.name), ...known.peers.map((p) => p.name)]
  return unknown('TO', said, 'an address, a node, or a pod of this node by name', known, names)
}

function nameOfAddress(ip: Ip, known: Known): string {
  if (known.addresses.includes(ip)) return `node ${known.node}`
  const peer = known.peers.find((p) => p.addresses.includes(ip))
  return peer ? `node ${peer.name}` : ip
}

function podOf<P extends KnownPod>(said: string, known: Known<P>): Result<P | undefined> {
  const ip = parseIp(said)
  const found = known.pods.filter((p) => (ip.ok ? p.addresses.includes(ip.value) : isCalled(p.name, said)))
  if (found.length < 2 || ip.ok) return ok(found[0])
  const names = found.map((p) => p.name).join(', ')
  return fault(
    'bad-option',
    `pod ${said}`,
    'one pod of this name',
    names,
    'say its namespace too: NAMESPACE/NAME',
  )
}

function unknown(
  role: string,
  said: string,
  wanted: string,
  known: Known,
  names: readonly string[],
): Result<never> {
  const short = names.map((n) => n.split('/').at(-1) ?? n)
  const nearest = nearestName(said, said.includes('/') ? names : short)
  const found = nearest === undefined ? 'this node has no pods' : `the nearest is ${nearest}`
  return err({
    kind: 'bad-option',
    object: `${role} ${said}`,
    wanted,
    found: `none on node ${known.node}; ${found}`,
    next: 'see «podlane status»; a pod of another node is asked of that node’s agent, or is named by its address',
  })
}

const noFamily = (q: NearQuestion, sources: readonly Ip[], targets: readonly Ip[]): Result<never> =>
  fault(
    'bad-option',
    `${q.from} to ${q.to}`,
    'addresses of one family at both ends',
    `${sources.join(', ') || 'none'} and ${targets.join(', ') || 'none'}`,
    'name another address of the target',
  )

/** The other node that an address belongs to: behind one of its ranges, or its own. */
export function peerOf(ip: Ip, peers: readonly KnownPeer[]): PeerFact | undefined {
  const fact = (p: KnownPeer, range: Cidr | undefined): PeerFact => ({
    ...{ name: p.name, address: p.address, onLink: p.onLink, range },
  })
  for (const p of peers) {
    const range = p.ranges.find((r) => cidrContains(r.cidr, ip))
    if (range) return fact(p, range.cidr)
    if (p.addresses.includes(ip)) return fact(p, undefined)
  }
  return undefined
}
