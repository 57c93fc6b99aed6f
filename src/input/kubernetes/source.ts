// The Kubernetes API as the source of rows: all nodes, and the pods of this node. Every answer of the server is
// trimmed to rows as it arrives; rows stay while the server is away.

import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { RowSink, Source } from '../source.ts'
import { Backoff, type BackoffOptions } from './backoff.ts'
import { ApiClient, type ApiLimits, defaultLimits } from './client.ts'
import type { Connection } from './connection.ts'
import { type ReflectorState, reflect } from './reflector.ts'
import { nodesOf, podsOf, type Resource } from './resource.ts'

export type KubernetesSourceOptions = {
  readonly connection: Connection
  /** This node: its pods become rows. */
  readonly nodeName: string
  readonly sink: RowSink
  readonly clock: Clock
  readonly log: Log
  readonly limits?: Partial<ApiLimits>
  readonly backoff?: BackoffOptions
  /** Objects of one page of a list. */
  readonly pageSize?: number
  /** Uniform in [0, 1). */
  readonly random?: () => number
}

/** Begins at once and never gives up; whether it is in sync is told to the sink. */
export function startKubernetesSource(options: KubernetesSourceOptions): Source {
  const { connection, sink, clock, log, pageSize = 500, random = Math.random } = options
  const limits = { ...defaultLimits, ...options.limits }
  const client = new ApiClient(connection, clock, limits)
  const stop = new AbortController()
  const states = new Map<string, ReflectorState>()
  const run = <Row>(resource: Resource<Row>): Promise<void> => {
    states.set(resource.name, { synced: false, lostSinceMs: undefined, message: '' })
    const report = (state: ReflectorState): void => {
      states.set(resource.name, state)
      sink.status(statusOf([...states.values()], connection.server))
    }
    const backoff = new Backoff({ random, ...options.backoff })
    const { signal } = stop
    return reflect({ client, resource, clock, log, limits, pageSize, backoff, random, signal, report })
  }
  const running = [run(nodesOf(sink)), run(podsOf(sink, options.nodeName))]
  sink.status(statusOf([...states.values()], connection.server))
  return {
    close: async () => {
      stop.abort()
      await Promise.all(running)
      client.close()
    },
  }
}

function statusOf(states: readonly ReflectorState[], server: URL) {
  const lost = states.flatMap((s) => (s.lostSinceMs === undefined ? [] : [s.lostSinceMs]))
  const messages = [...new Set(states.map((s) => s.message).filter((m) => m !== ''))]
  return {
    kind: 'kubernetes',
    synced: states.every((s) => s.synced),
    lostSinceMs: lost.length === 0 ? undefined : Math.min(...lost),
    message: messages.join('; ') || `API server ${server.origin}`,
  }
}
