// Keeps the rows of one kind of object equal to the API server's: lists, then watches, and goes on after whatever
// happens to the connection. Rows stay while the server is away; a list always replaces them all.

import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import { faultText } from '../../base/result.ts'
import type { Backoff } from './backoff.ts'
import type { ApiClient, ApiLimits } from './client.ts'
import { type Listed, listAll } from './list.ts'
import type { Refusal } from './refusal.ts'
import type { Resource } from './resource.ts'
import { type WatchEnd, watchOnce } from './watch.ts'

export type ReflectorState = {
  readonly synced: boolean
  readonly lostSinceMs: number | undefined
  /** Empty while all is well. */
  readonly message: string
}

export type ReflectorOptions<Row> = {
  readonly client: ApiClient
  readonly resource: Resource<Row>
  readonly clock: Clock
  readonly log: Log
  readonly limits: ApiLimits
  readonly pageSize: number
  readonly backoff: Backoff
  readonly random: () => number
  readonly signal: AbortSignal
  readonly report: (state: ReflectorState) => void
}

/** A watch that held so long was a good one even if nothing happened in it. */
const goodWatchMs = 10_000
/** A watch that the server ends sooner without an event is not asked for again at once. */
const briefWatchMs = 1_000
/** After so many refusals in a row the resourceVersion itself is suspected, e.g. of another life of the server. */
const suspiciousRefusals = 5

/** Resolves when the signal has aborted. */
export async function reflect<Row>(options: ReflectorOptions<Row>): Promise<void> {
  const { client, resource, clock, log, limits, pageSize, backoff, signal } = options
  const state = stateKeeper(options)
  let resourceVersion = ''
  let refusals = 0
  while (!signal.aborted) {
    if (resourceVersion === '') {
      const listed = await listAll(client, resource, { signal, silenceMs: limits.listSilenceMs, pageSize })
      if (signal.aborted) return
      if (!listed.ok) {
        state.lost(listed.error)
        await pause(options, listed.error)
        continue
      }
      resource.replace(listed.value.rows)
      resourceVersion = listed.value.resourceVersion
      refusals = 0
      state.listed(listed.value)
    }
    const beganMs = clock.nowMs()
    const end = await watchOnce(client, resource, resourceVersion, {
      signal,
      silenceMs: limits.watchSilenceMs,
      lengthSeconds: Math.round(300 * (1 + options.random())),
      onOpen: state.found,
      log,
    })
    if (signal.aborted) return
    const livedMs = clock.nowMs() - beganMs
    if (end.progressed || livedMs >= goodWatchMs) {
      backoff.reset()
      refusals = 0
    }
    resourceVersion = end.resourceVersion
    if (end.refusal) {
      if (end.refusal.status !== undefined) refusals++
      if (mustList(end.refusal, refusals)) resourceVersion = ''
      if (end.refusal.status === 410) log.info({ resource: resource.name }, faultText(end.refusal.fault))
      else state.lost(end.refusal)
    }
    if (end.refusal || isBrief(end, livedMs)) await pause(options, end.refusal)
  }
}

/** 410 Gone: the place is forgotten. 400: the server cannot read our place. */
const mustList = (refusal: Refusal, refusals: number): boolean =>
  refusal.status === 410 || refusal.status === 400 || refusals >= suspiciousRefusals

const isBrief = (end: WatchEnd, livedMs: number): boolean => !end.progressed && livedMs < briefWatchMs

type PauseOptions = Pick<ReflectorOptions<never>, 'clock' | 'backoff' | 'signal'>
const pause = ({ clock, backoff, signal }: PauseOptions, refusal: Refusal | undefined) =>
  clock.sleep(Math.max(backoff.nextMs(), refusal?.retryAfterMs ?? 0), signal)

function stateKeeper<Row>({ resource, clock, log, report }: ReflectorOptions<Row>) {
  let state: ReflectorState = { synced: false, lostSinceMs: undefined, message: '' }
  let unread = ''
  const change = (next: ReflectorState): void => {
    if (JSON.stringify(next) === JSON.stringify(state)) return
    state = next
    report(state)
  }
  return {
    /** The server answers. */
    found: (): void => {
      if (state.lostSinceMs !== undefined)
        log.info({ resource: resource.name }, 'the API server answers again')
      change({ ...state, lostSinceMs: undefined, message: unread })
    },
    lost: ({ fault }: Refusal): void => {
      const message = faultText(fault)
      if (state.lostSinceMs === undefined) log.warn({ resource: resource.name, fault }, message)
      change({ ...state, lostSinceMs: state.lostSinceMs ?? clock.nowMs(), message })
    },
    listed: (list: Listed<Row>): void => {
      const [first] = list.unread
      unread = first ? `${list.unread.length} of the ${resource.name} left out: ${faultText(first)}` : ''
      if (first) log.warn({ resource: resource.name, fault: first }, unread)
      change({ synced: true, lostSinceMs: undefined, message: unread })
    },
  }
}
