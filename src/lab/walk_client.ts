// Asks agents about the walk of a packet: the sender's, and if there is one to ask the receiver's for its half.

import { familyOf, parseIp } from '../base/ip.ts'
import { err, type Fault, ok, type Result } from '../base/result.ts'
import { parseAgentStatus } from '../schema/agent_status.ts'
import { parseWalkAnswer, type WalkAnswer } from '../schema/walk.ts'
import { askSocket } from './socket_client.ts'

export type Explained = {
  readonly near: WalkAnswer
  /** Of the node that the packet comes to. */
  readonly far?: WalkAnswer
}
export type WalkQuery = {
  readonly from: string
  /** A name or an address, without a port. */
  readonly to: string
  readonly port?: number | undefined
  readonly sourcePort?: number | undefined
  readonly protocol?: string | undefined
  readonly bytes?: number | undefined
  readonly as?: string | undefined
  readonly changes: readonly string[]
}

export async function explainWalk(
  socket: string,
  peerSocket: string | undefined,
  query: WalkQuery,
): Promise<Result<Explained>> {
  const targets = peerSocket === undefined ? [] : await addressesAt(peerSocket, query.to)
  if (!Array.isArray(targets)) return err(targets)
  let near: Result<WalkAnswer> | undefined
  // Of a pod with two addresses the one of which the sender has the family.
  for (const to of targets.length > 0 ? targets : [query.to]) {
    near = await ask(socket, querySearch({ ...query, to }))
    if (near.ok) break
  }
  if (!near) throw new Error('there was nobody to ask about')
  if (!near.ok) return near
  const answer = { ...near.value, to: targets.length > 0 ? query.to : near.value.to }
  const { wire } = answer.now
  if (peerSocket === undefined || !wire) return ok({ near: answer })
  const instead = answer.would?.walk?.wire
  const search = new URLSearchParams({ arriving: JSON.stringify(wire) })
  if (instead) {
    search.set('instead', JSON.stringify(instead))
    for (const change of query.changes) search.append('if', change)
  }
  const far = await ask(peerSocket, search)
  return far.ok ? ok({ near: answer, far: far.value }) : far
}

async function ask(socket: string, search: URLSearchParams): Promise<Result<WalkAnswer>> {
  const answer = await askSocket(socket, 'GET', `/explain?${search}`)
  if (answer.ok) return parseWalkAnswer(answer.value, socket)
  const next = 'start «podlane agent», or name its socket with --socket'
  return answer.error.kind === 'no-answer' ? err({ ...answer.error, next }) : answer
}

function querySearch(q: WalkQuery): URLSearchParams {
  const search = new URLSearchParams({ from: q.from, to: q.to })
  const optional = { port: q.port, sport: q.sourcePort, protocol: q.protocol, bytes: q.bytes, as: q.as }
  for (const [name, value] of Object.entries(optional)) if (value !== undefined) search.set(name, `${value}`)
  for (const change of q.changes) search.append('if', change)
  return search
}

/** Of a pod of the other node that is named: only its agent knows it. IPv4 first. */
async function addressesAt(socket: string, name: string): Promise<string[] | Fault> {
  if (parseIp(name).ok) return []
  const asked = await askSocket(socket, 'GET', '/status')
  const status = asked.ok ? parseAgentStatus(asked.value, socket) : asked
  if (!status.ok) return { ...status.error, next: 'see whether its agent runs, or leave --peer-socket out' }
  const pod = status.value.pods.find((p) =>
    [p.containerId, p.name, `${p.namespace}/${p.name}`].includes(name),
  )
  const ips = (pod?.addresses ?? []).flatMap((a) => {
    const ip = parseIp(a)
    return ip.ok ? [ip.value] : []
  })
  return ips.toSorted((a, b) => familyOf(a) - familyOf(b))
}
