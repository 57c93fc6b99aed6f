// What the lab's process in a node answers on its socket, and how the lab's commands ask it.

import * as v from 'valibot'
import { fault, ok, type Result } from '../base/result.ts'
import { nodeSocket } from './paths.ts'
import { askSocket } from './socket_client.ts'

const ports = v.array(v.number())
const podSchema = v.object({
  namespace: v.string(),
  name: v.string(),
  uid: v.string(),
  hostNetwork: v.boolean(),
  containerId: v.string(),
  addresses: v.array(v.string()),
  /** A path that opens the pod's network namespace from the host. */
  netns: v.string(),
  containers: v.array(
    v.object({ name: v.string(), pid: v.number(), http: ports, tcpEcho: ports, udpEcho: ports }),
  ),
})
const complaintsSchema = v.array(v.object({ pod: v.string(), why: v.string() }))
export type PodComplaints = v.InferOutput<typeof complaintsSchema>

const statusSchema = v.object({
  name: v.string(),
  pid: v.number(),
  agent: v.object({ pid: v.optional(v.number()), starts: v.number() }),
  /** Absent: the node is ready. */
  refusal: v.optional(v.string()),
  pods: v.array(podSchema),
})
export type NodeStatus = v.InferOutput<typeof statusSchema>
export type NodePod = v.InferOutput<typeof podSchema>

export async function askNodeStatus(node: string): Promise<Result<NodeStatus>> {
  const answer = await askSocket(nodeSocket(node), 'GET', '/status')
  if (!answer.ok) return answer
  const parsed = v.safeParse(statusSchema, answer.value)
  if (parsed.success) return ok(parsed.output)
  return fault('lab', node, "a node's status", parsed.issues[0].message, 'run «podlane lab down»')
}

/** Has the CNI program CHECK every pod of the node. */
export async function askCniCheck(node: string): Promise<Result<PodComplaints>> {
  const answer = await askSocket(nodeSocket(node), 'POST', '/cni-check')
  if (!answer.ok) return answer
  const parsed = v.safeParse(complaintsSchema, answer.value)
  if (parsed.success) return ok(parsed.output)
  return fault('lab', node, 'complaints of its pods', parsed.issues[0].message, 'run «podlane lab down»')
}

/** `stop` resolves when the agent is gone; it stays away until `start`. */
export const commandAgent = (node: string, command: 'start' | 'stop'): Promise<Result<unknown>> =>
  askSocket(nodeSocket(node), 'POST', `/agent/${command}`)
