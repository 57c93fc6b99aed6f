// `podlane lab explain`: both ends of a walk by the names that the lab has for them, each with the socket of its agent.

import { type Err, fault, ok, type Result } from '../base/result.ts'
import { nearestName } from '../schema/nearest.ts'
import { nodeNames } from './enter.ts'
import { askNodeStatus, type NodePod } from './node_status.ts'
import { agentSocket } from './paths.ts'
import { readRecord } from './record.ts'
import { planTopology } from './topology.ts'

export type LabEnds = {
  readonly socket: string
  readonly from: string
  readonly to: string
  /** Undefined: the target is on the sender's own node, or outside. */
  readonly peerSocket: string | undefined
}
type Place = { readonly node: string; readonly pod: NodePod | undefined }

export async function labEnds(from: string, to: string): Promise<Result<LabEnds>> {
  if (!readRecord()) return fault('lab', 'the lab', 'one that is up', 'none', 'run «podlane lab up»')
  const places = await readPlaces()
  const sender = placeOf(from, places)
  if (!sender) return unknown('FROM', from, places)
  const target = placeOf(to, places)
  if (!target && !/^[0-9a-f.:]+$/i.test(to)) return unknown('TO', to, places)
  return ok({
    socket: agentSocket(sender.node),
    from: sender.pod ? from : 'node',
    to,
    peerSocket: target && target.node !== sender.node ? agentSocket(target.node) : undefined,
  })
}

type Places = { readonly names: ReadonlyMap<string, Place>; readonly shown: readonly string[] }

async function readPlaces(): Promise<Places> {
  const names = new Map<string, Place>()
  const shown: string[] = []
  const record = readRecord()
  const topology = record && planTopology(record.options)
  const asked = await Promise.all(
    nodeNames().map(async (node) => ({ node, status: await askNodeStatus(node) })),
  )
  for (const { node, status } of asked) {
    const planned = topology?.ok ? topology.value.nodes.find((n) => n.name === node) : undefined
    for (const name of [node, ...(planned?.addresses.map((a) => a.ip) ?? [])])
      names.set(name, { node, pod: undefined })
    shown.push(node)
    for (const pod of status.ok ? status.value.pods : []) {
      if (pod.hostNetwork) continue
      shown.push(pod.name)
      for (const name of [pod.name, `${pod.namespace}/${pod.name}`, ...pod.addresses])
        names.set(name, { node, pod })
    }
  }
  return { names, shown }
}

const placeOf = (name: string, { names }: Places): Place | undefined => names.get(name)

function unknown(role: string, name: string, { shown }: Places): Err {
  const nearest = nearestName(name, shown)
  const found = nearest === undefined ? 'no node answers' : `the nearest is ${nearest}`
  return fault(
    'bad-option',
    `${role} ${name}`,
    'a node or a pod of the lab, or an address',
    found,
    'see «podlane lab status»',
  )
}
