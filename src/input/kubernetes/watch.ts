// One watch, from its request to its end: applies events to the rows and remembers how far it came, so that the next
// one goes on there. Asks for bookmarks, which move that place on even where nothing happens.

import type { Log } from '../../base/log.ts'
import { type Fault, fault, faultText } from '../../base/result.ts'
import type { ApiClient } from './client.ts'
import { field, parseJson, resourceVersionOf, textField } from './json.ts'
import { LineSplitter } from './line-splitter.ts'
import { type Refusal, refusedReading } from './refusal.ts'
import { type Resource, type ResourcePlace, urlOf } from './resource.ts'

export type WatchEnd = {
  /** Of the last event or bookmark, else the one that the watch began with. */
  readonly resourceVersion: string
  /** An event or a bookmark came. */
  readonly progressed: boolean
  /** Undefined: the server ended it in the regular way, as it does every few minutes. Status 410: list again. */
  readonly refusal: Refusal | undefined
}

export type WatchOptions = {
  readonly signal: AbortSignal
  readonly silenceMs: number
  /** The server ends the watch after this time, so that connections spread over its replicas. */
  readonly lengthSeconds: number
  readonly onOpen: () => void
  readonly log: Log
}

export async function watchOnce<Row>(
  client: ApiClient,
  resource: Resource<Row>,
  from: string,
  options: WatchOptions,
): Promise<WatchEnd> {
  let resourceVersion = from
  let progressed = false
  let refusal: Refusal | undefined
  const lines = new LineSplitter((text) => {
    if (refusal) return
    const event = parseJson(text, `an event of the ${resource.name}`)
    if (!event.ok) {
      refusal = { ...refusedReading(event.error), status: 200 }
      return
    }
    refusal = applyEvent(resource, event.value, options.log)
    if (refusal) return
    progressed = true
    resourceVersion = resourceVersionOf(field(event.value, 'object')) || resourceVersion
  })
  const path = urlOf(resource, {
    watch: '1',
    allowWatchBookmarks: 'true',
    resourceVersion: from,
    timeoutSeconds: String(options.lengthSeconds),
  })
  const { signal, silenceMs, onOpen } = options
  const onChunk = (chunk: Buffer): Fault | undefined =>
    lines.push(chunk) ? refusal?.fault : unknownEvent(resource, 'an endless line').fault
  const got = await client.get({ path, signal, silenceMs, onOpen, onChunk })
  return { resourceVersion, progressed, refusal: refusal ?? (got.ok ? undefined : got.error) }
}

/** Undefined: applied, or left out with a word in the log. */
function applyEvent<Row>(resource: Resource<Row>, event: unknown, log: Log): Refusal | undefined {
  const type = textField(event, 'type')
  const object = field(event, 'object')
  switch (type) {
    case 'BOOKMARK':
      return undefined
    case 'ADDED':
    case 'MODIFIED': {
      const row = resource.parse(object)
      if (!row.ok) log.warn({ fault: row.error }, `left out: ${faultText(row.error)}`)
      else if (row.value !== undefined) resource.upsert(row.value)
      return undefined
    }
    case 'DELETED': {
      const key = resource.keyOf(object)
      if (key !== '') resource.remove(key)
      return undefined
    }
    case 'ERROR':
      return errorEvent(resource, object)
    default:
      return unknownEvent(resource, `an event of type ${JSON.stringify(type)}`)
  }
}

function errorEvent(resource: ResourcePlace, object: unknown): Refusal {
  const code = field(object, 'code')
  const reason = textField(object, 'reason')
  const status = reason === 'Expired' || reason === 'Gone' ? 410 : typeof code === 'number' ? code : 500
  const found = `${status} ${reason} ${textField(object, 'message')}`
  const next = status === 410 ? 'it is listed again' : 'it is watched again'
  const { error } = fault('watch-error', `watch of ${resource.name}`, 'events', found, next)
  return { ...refusedReading(error), status }
}

function unknownEvent(resource: ResourcePlace, found: string): Refusal {
  const { error } = fault('bad-event', `watch of ${resource.name}`, 'an event', found, 'it is watched again')
  return { ...refusedReading(error), status: 200 }
}
