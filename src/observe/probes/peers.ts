// The peers that are probed: found by name, and by the address that a packet comes from.

import { type Family, familyOf } from '../../base/ip.ts'
import { addressKey } from '../../kernel/udp_socket.ts'
import type { PathKind, Peer } from '../../plan/peers.ts'
import { type Heard, type Probe, type ReadProbe, SMALLEST } from './packet.ts'
import { newPath, type PathState } from './path_state.ts'
import { sameTarget, type Target, targetsOf } from './target.ts'

const KINDS = ['direct', 'vxlan'] as const

export type ProbedPeer = {
  readonly name: string
  readonly paths: { [K in PathKind]?: PathState }
  heardMs: number | undefined
}

export class Peers {
  /** BOUNDED by the nodes of the cluster. */
  readonly #byName = new Map<string, ProbedPeer>()
  /** Kind of path and address; BOUNDED by the nodes' addresses. */
  #bySender = new Map<string, ProbedPeer>()
  #paths: readonly PathState[] = []
  readonly #port: number

  constructor(port: number) {
    this.#port = port
  }

  get paths(): readonly PathState[] {
    return this.#paths
  }

  get(name: string): ProbedPeer | undefined {
    return this.#byName.get(name)
  }

  /** @param from as `addressKey` has it */
  bySender(kind: PathKind, from: string): ProbedPeer | undefined {
    return this.#bySender.get(`${kind} ${from}`)
  }

  lastHeardMs(name: string): number | undefined {
    return this.#byName.get(name)?.heardMs
  }

  directFamilies(): ReadonlySet<Family> {
    return new Set(this.#paths.filter((p) => p.target.kind === 'direct').map((p) => familyOf(p.target.to)))
  }

  /** What is known of a path stays while it leads to the same place. */
  update(peers: readonly Peer[], uplinkMtuBytes: number, nowMs: number): void {
    const names = new Set(peers.map((p) => p.name))
    for (const name of this.#byName.keys()) if (!names.has(name)) this.#byName.delete(name)
    this.#bySender = new Map()
    for (const peer of peers) this.#settle(peer.name, targetsOf(peer, uplinkMtuBytes), nowMs)
    this.#paths = [...this.#byName.values()].flatMap((p) => Object.values(p.paths))
  }

  #settle(name: string, targets: readonly Target[], nowMs: number): void {
    const peer = this.#byName.get(name) ?? { name, paths: {}, heardMs: undefined }
    this.#byName.set(name, peer)
    for (const kind of KINDS) {
      const target = targets.find((t) => t.kind === kind)
      const old = peer.paths[kind]
      if (!target) delete peer.paths[kind]
      else if (!old || !sameTarget(old.target, target)) peer.paths[kind] = newPath(target, this.#port, nowMs)
      for (const from of target?.senders ?? []) this.#bySender.set(`${kind} ${addressKey(from)}`, peer)
    }
  }
}

/** What a packet says by being here, and what its sender says of those that it has had. */
export function learn(peer: ProbedPeer, path: PathState, { probe, isWhole }: ReadProbe, nowMs: number): void {
  path.heardMs = nowMs
  peer.heardMs = nowMs
  path.hasLeft = false
  if (probe.type === 'question') path.heardCount++
  if (!isWhole) return
  if (probe.type === 'question' && probe.sizeBytes === SMALLEST) path.heardNonce = probe.nonce
  for (const kind of KINDS) {
    const other = peer.paths[kind]
    const { ageMs } = probe.heard[kind]
    if (other && ageMs !== undefined) other.arrivedMs = Math.max(other.arrivedMs ?? 0, nowMs - ageMs)
  }
}

/**
 * Its agent ends: silence means nothing from now on. So it counts only with what was asked lately by this path, which
 * nobody else knows: a forged one would hide a broken path.
 */
export function farewell(peer: ProbedPeer, by: PathState, { probe, isWhole }: ReadProbe): void {
  if (!isWhole || !by.asked.includes(probe.nonce)) return
  for (const kind of KINDS) {
    const path = peer.paths[kind]
    if (!path) continue
    path.hasLeft = true
    path.countsFromMs = Number.POSITIVE_INFINITY
  }
}

/** What this node tells the peer to have had from it. */
export function heardOf(peer: ProbedPeer | undefined, nowMs: number): Probe['heard'] {
  const of = (kind: PathKind): Heard => {
    const path = peer?.paths[kind]
    const ageMs = path?.heardMs === undefined ? undefined : Math.max(0, nowMs - path.heardMs)
    return { count: path?.heardCount ?? 0, ageMs }
  }
  return { direct: of('direct'), vxlan: of('vxlan') }
}
