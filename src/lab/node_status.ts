// What the lab's process in a node answers on its socket, and how the lab's commands ask it.

import { request } from 'node:http'
import * as v from 'valibot'
import { fault, ok, type Result } from '../base/result.ts'
import { nodeSocket } from './paths.ts'

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

const TIMEOUT_MS = 10_000

export async function askNodeStatus(node: string): Promise<Result<NodeStatus>> {
  const answer = await askSocket(nodeSocket(node), 'GET', '/status')
  if (!answer.ok) return answer
  const parsed = v.safeParse(statusSchema, answer.value)
  if (parsed.success) return ok(parsed.output)
  return fault('lab', node, "a node's status", parsed.issues[0].message, 'run «podlane lab down»')
}

/** `stop` resolves when the agent is gone; it stays away until `start`. */
export const commandAgent = (node: string, command: 'start' | 'stop'): Promise<Result<unknown>> =>
  askSocket(nodeSocket(node), 'POST', `/agent/${command}`)

/** JSON over HTTP over a unix socket. */
export function askSocket(
  socketPath: string,
  method: 'GET' | 'POST',
  path: string,
): Promise<Result<unknown>> {
  const failed = (found: string): Result<never> =>
    fault(
      'no-answer',
      `${method} ${path} at ${socketPath}`,
      'an answer',
      found,
      'see whether its process runs',
    )
  return new Promise((resolve) => {
    const sent = request({ socketPath, method, path, timeout: TIMEOUT_MS }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        text += part
      })
      response.on('error', (error) => resolve(failed(error.message)))
      response.on('end', () => resolve(response.statusCode === 200 ? readJson(text, failed) : failed(text)))
    })
    sent.on('error', (error) => resolve(failed(error.message)))
    sent.on('timeout', () => sent.destroy(new Error(`nothing within ${TIMEOUT_MS} ms`)))
    sent.end()
  })
}

function readJson(text: string, failed: (found: string) => Result<never>): Result<unknown> {
  try {
    return ok(JSON.parse(text))
  } catch {
    return failed(text.slice(0, 80))
  }
}
