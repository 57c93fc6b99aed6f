// One watch over HTTP: the initial objects or the events since a revision, then every event, with bookmarks between.
// A line is encoded once per event, however many clients watch.

import { err, ok, type Result } from '../../base/result.ts'
import type { EventType, StoreEvent } from './collection.ts'
import { badRequest, type Failure, statusOf } from './failures.ts'
import type { Json, JsonObject } from './json.ts'
import { parseRevision, parseSelectors } from './lists.ts'
import { type KubeObject, withMeta } from './object.ts'
import { apiVersionOf, type Resource, storageOf } from './resource.ts'
import type { Matcher } from './selectors.ts'
import type { Store } from './store.ts'
import { type RowObject, tableOf } from './table.ts'

export type WatchRequest = {
  readonly resource: Resource
  readonly namespace: string
  readonly matches: Matcher
  /** Undefined: from the state as it is now, told as ADDED events. */
  readonly since: number | undefined
  readonly bookmarks: boolean
  /** The client asked for the initial objects and for a bookmark at their end (sendInitialEvents). */
  readonly markInitialEnd: boolean
  /** Undefined: objects. */
  readonly table: RowObject | undefined
  readonly timeoutMs: number | undefined
}

export function parseWatch(
  r: Resource,
  namespace: string,
  name: string,
  query: URLSearchParams,
  table: RowObject | undefined,
): Result<WatchRequest, Failure> {
  const matches = parseSelectors(r, query, name)
  if (!matches.ok) return matches
  const revision = parseRevision(query.get('resourceVersion') ?? '')
  if (revision === undefined) return err(badRequest('Invalid value: resourceVersion must be a number'))
  const initial = query.get('sendInitialEvents')
  const bookmarks = isTrue(query.get('allowWatchBookmarks'))
  const seconds = Number(query.get('timeoutSeconds') ?? 0)
  return ok({
    resource: r,
    namespace,
    matches: matches.value,
    since: isTrue(initial) || (revision === 0 && initial === null) ? undefined : revision || undefined,
    bookmarks,
    markInitialEnd: isTrue(initial) && bookmarks,
    table,
    timeoutMs: seconds > 0 ? seconds * 1000 : undefined,
  })
}

export const isTrue = (text: string | null): boolean => text === 'true' || text === '1'

export type WatchStream = {
  readonly bookmark: () => void
  readonly close: () => void
  /** The watch could not begin; `send` has got the reason. */
  readonly failed: boolean
}

/** `send` gets whole lines. */
export function openWatch(store: Store, request: WatchRequest, send: (line: string) => void): WatchStream {
  const { resource: r } = request
  const encode = encoder(store, request)
  const bookmark = (annotations?: JsonObject): void => {
    send(
      `${JSON.stringify({ type: 'BOOKMARK', object: bookmarkOf(r, String(store.revision()), annotations) })}\n`,
    )
  }
  if (request.since === undefined) {
    for (const object of store.list(storageOf(r), request.namespace)) {
      if (request.matches(object)) send(encode('ADDED', object, undefined))
    }
    if (request.markInitialEnd) bookmark({ 'k8s.io/initial-events-end': 'true' })
  }
  const stop = store.watch(storageOf(r), request.since, (event) => {
    const seen = selected(event, request)
    if (seen) send(encode(seen.type, seen.object, event))
  })
  if (!stop.ok) {
    // The real server answers 200 and says it as an event, for the stream has begun.
    send(`${JSON.stringify({ type: 'ERROR', object: statusOf(stop.error) })}\n`)
    return { bookmark: () => {}, close: () => {}, failed: true }
  }
  return { bookmark: () => bookmark(), close: stop.value, failed: false }
}

/** A change that takes an object out of the selection is a deletion for this watcher, and the other way round. */
function selected(
  event: StoreEvent,
  request: WatchRequest,
): { readonly type: EventType; readonly object: KubeObject } | undefined {
  const { object, previous } = event
  if (request.namespace !== '' && object.metadata.namespace !== request.namespace) return undefined
  const now = event.type !== 'DELETED' && request.matches(object)
  const before = previous !== undefined && request.matches(previous)
  if (now) return { type: before ? 'MODIFIED' : 'ADDED', object }
  if (!before) return undefined
  if (event.type === 'DELETED') return { type: 'DELETED', object }
  return { type: 'DELETED', object: withMeta(previous, { resourceVersion: String(event.revision) }) }
}

function encoder(
  store: Store,
  request: WatchRequest,
): (type: EventType, object: KubeObject, event: StoreEvent | undefined) => string {
  const { resource: r, table } = request
  const shown = (object: KubeObject): KubeObject => (r.view ? r.view.outward(object) : object)
  const line = (type: EventType, object: Json): string => `${JSON.stringify({ type, object })}\n`
  if (table !== undefined) {
    let columns = true
    return (type, object) => {
      const resourceVersion = object.metadata.resourceVersion ?? ''
      const options = { nowMs: store.clock.nowMs(), include: table, resourceVersion, columns }
      columns = false
      return line(type, tableOf(r, [shown(object)], options))
    }
  }
  return (type, object, event) => {
    if (!event || r.view) return line(type, shown(object))
    event.lines[type] ??= line(type, object)
    return event.lines[type]
  }
}

function bookmarkOf(r: Resource, resourceVersion: string, annotations: JsonObject | undefined): JsonObject {
  return {
    kind: r.kind,
    apiVersion: apiVersionOf(r),
    metadata: { resourceVersion, creationTimestamp: null, ...(annotations ? { annotations } : {}) },
  }
}
