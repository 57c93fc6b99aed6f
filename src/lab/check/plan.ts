// What a check asks: every ordered pair of pods, pods and nodes, pods and the outside, containers of one pod. Pure:
// what the nodes and agents say in, questions out.

import { type Family, familyOf, type Ip, parseIp } from '../../base/ip.ts'
import type { AgentStatus, PathKind } from '../../schema/agent_status.ts'
import type { NodePod } from '../node_status.ts'

/** Somewhere from which packets are sent. */
export type Place = {
  readonly name: string
  readonly netns: string
  /** The node that it is or is on. */
  readonly node: string
  readonly addresses: readonly Ip[]
}

export type Question = {
  readonly from: Place
  /** Name for the report. */
  readonly to: string
  readonly address: Ip
  /** Only pods among each other count as pairs. */
  readonly pair: boolean
  readonly ping: boolean
  readonly http: number
  /** Addresses of which the server must see one; undefined: any. */
  readonly source: readonly Ip[] | undefined
  readonly tcpEcho?: number
  readonly udpEcho?: number
  readonly mtuBytes?: number
}

export type Path = {
  readonly kind: PathKind | 'local'
  readonly mtuBytes: number
  /** Undefined where nothing is known of lanes. */
  readonly lane: 'fast' | 'plain' | 'mixed' | undefined
}

export type NodeFacts = {
  readonly name: string
  readonly netns: string
  readonly addresses: readonly Ip[]
  readonly pods: readonly NodePod[]
  readonly agent: AgentStatus
}

export type Outside = { readonly addresses: readonly Ip[]; readonly http: number }
export type NodePorts = { readonly http: number }

export function planQuestions(
  nodes: readonly NodeFacts[],
  nodePorts: NodePorts,
  outside: Outside,
): readonly Question[] {
  const pods = nodes.flatMap((node) => podsOn(node).map((pod) => ({ node, pod, place: placeOf(node, pod) })))
  return [
    ...pods.flatMap((from) =>
      pods.filter((to) => to.place !== from.place).flatMap((to) => betweenPods(from, to)),
    ),
    ...pods.flatMap(({ node, place }) => nodes.flatMap((to) => podToNode(node, place, to, nodePorts))),
    ...nodes.flatMap((from) => pods.flatMap(({ pod, place }) => nodeToPod(from, pod, place))),
    ...pods.flatMap(({ node, place }) => podToOutside(node, place, outside)),
    ...pods.flatMap(({ pod, place }) => insidePod(pod, place)),
  ]
}

type PodOnNode = { readonly node: NodeFacts; readonly pod: NodePod; readonly place: Place }

/** Host pods are the node: it is asked for itself. */
const podsOn = (node: NodeFacts): readonly NodePod[] =>
  node.pods.filter((p) => !p.hostNetwork && p.addresses.length > 0 && p.containers.length > 0)

const placeOf = (node: NodeFacts, pod: NodePod): Place => ({
  name: `${pod.namespace}/${pod.name}`,
  netns: pod.netns,
  node: node.name,
  addresses: ips(pod.addresses),
})

export const ips = (texts: readonly string[]): readonly Ip[] =>
  texts.flatMap((text) => {
    const ip = parseIp(text)
    return ip.ok ? [ip.value] : []
  })

export function pathBetween(from: NodeFacts, toNode: string): Path {
  const { uplink, fastLane, peers } = from.agent
  if (from.name === toNode) return { kind: 'local', mtuBytes: uplink?.mtuBytes ?? 0, lane: fastLane?.lane }
  const peer = peers.find((p) => p.name === toNode)
  return { kind: peer?.path ?? 'none', mtuBytes: peer?.mtuBytes ?? 0, lane: peer?.lane?.lane }
}

const ofFamily = (addresses: readonly Ip[], family: Family): readonly Ip[] =>
  addresses.filter((a) => familyOf(a) === family)

const first = (ports: readonly number[] | undefined): number => ports?.[0] ?? 0

function betweenPods(from: PodOnNode, to: PodOnNode): readonly Question[] {
  const [server] = to.pod.containers
  const { mtuBytes } = pathBetween(from.node, to.node.name)
  return to.place.addresses.map((address) => ({
    from: from.place,
    to: to.place.name,
    address,
    pair: true,
    ping: true,
    http: first(server?.http),
    source: ofFamily(from.place.addresses, familyOf(address)),
    tcpEcho: first(server?.tcpEcho),
    udpEcho: first(server?.udpEcho),
    mtuBytes,
  }))
}

/** A tunnel would not bring the node's reply back, so a pod speaks to another node behind its own node's address. */
function podToNode(own: NodeFacts, pod: Place, to: NodeFacts, ports: NodePorts): readonly Question[] {
  const hidden = ['vxlan', 'none'].includes(pathBetween(own, to.name).kind)
  return to.addresses.map((address) => ({
    from: pod,
    to: to.name,
    address,
    pair: false,
    ping: true,
    http: ports.http,
    source: ofFamily(hidden ? own.addresses : pod.addresses, familyOf(address)),
  }))
}

function nodeToPod(from: NodeFacts, pod: NodePod, to: Place): readonly Question[] {
  const [server] = pod.containers
  const place: Place = { name: from.name, netns: from.netns, node: from.name, addresses: from.addresses }
  return to.addresses.map((address) => ({
    from: place,
    to: to.name,
    address,
    pair: false,
    ping: true,
    http: first(server?.http),
    source: undefined,
    tcpEcho: first(server?.tcpEcho),
  }))
}

function podToOutside(own: NodeFacts, pod: Place, outside: Outside): readonly Question[] {
  return outside.addresses
    .filter((address) => ofFamily(pod.addresses, familyOf(address)).length > 0)
    .map((address) => ({
      from: pod,
      to: 'outside',
      address,
      pair: false,
      ping: true,
      http: outside.http,
      source: ofFamily(own.addresses, familyOf(address)),
    }))
}

/** Every container of a pod from within the pod, over both loopback addresses. */
function insidePod(pod: NodePod, place: Place): readonly Question[] {
  if (pod.containers.length < 2) return []
  return pod.containers.flatMap((container) =>
    ips(['127.0.0.1', '::1']).map((address) => ({
      from: place,
      to: `${place.name}, container ${container.name}, over localhost`,
      address,
      pair: false,
      ping: false,
      http: first(container.http),
      source: [address],
      tcpEcho: first(container.tcpEcho),
    })),
  )
}
