// The full list of one kind of object, page by page, trimmed to rows while it arrives. A list that takes so long that
// the server forgets its snapshot (410) is begun again, and at last asked for in one piece, which cannot expire.

import { err, type Fault, fault, ok, type Result } from '../../base/result.ts'
import type { ApiClient } from './client.ts'
import { field, parseJson, resourceVersionOf, textField } from './json.ts'
import { ListSplitter } from './list-splitter.ts'
import { type Refusal, refusedReading } from './refusal.ts'
import { type Resource, type ResourcePlace, urlOf } from './resource.ts'

export type Listed<Row> = {
  readonly rows: readonly Row[]
  /** Where a watch goes on. */
  readonly resourceVersion: string
  /** Objects that gave no row though they should. */
  readonly unread: readonly Fault[]
}

export type ListOptions = {
  readonly signal: AbortSignal
  readonly silenceMs: number
  /** Objects of a page: 500 is what kubectl and the official client ask for. */
  readonly pageSize: number
}

type Page<Row> = Listed<Row> & { readonly next: string }

const pagedAttempts = 2

export async function listAll<Row>(
  client: ApiClient,
  resource: Resource<Row>,
  options: ListOptions,
): Promise<Result<Listed<Row>, Refusal>> {
  for (let attempt = 1; ; attempt++) {
    const pageSize = attempt > pagedAttempts ? 0 : options.pageSize
    const listed = await listPages(client, resource, { ...options, pageSize })
    if (listed.ok || listed.error.status !== 410 || pageSize === 0) return listed
  }
}

async function listPages<Row>(
  client: ApiClient,
  resource: Resource<Row>,
  options: ListOptions,
): Promise<Result<Listed<Row>, Refusal>> {
  const rows: Row[] = []
  const unread: Fault[] = []
  let next = ''
  let resourceVersion = ''
  do {
    const page = await listPage(client, resource, options, next)
    if (!page.ok) return page
    for (const row of page.value.rows) rows.push(row)
    unread.push(...page.value.unread)
    // The first page's: should a later one be of a newer state, its events come once more and change nothing.
    if (resourceVersion === '') resourceVersion = page.value.resourceVersion
    if (page.value.next !== '' && page.value.next === next)
      return err(unlistable(resource, 'the same page again'))
    next = page.value.next
  } while (next !== '')
  return ok({ rows, resourceVersion, unread })
}

async function listPage<Row>(
  client: ApiClient,
  resource: Resource<Row>,
  options: ListOptions,
  next: string,
): Promise<Result<Page<Row>, Refusal>> {
  const rows: Row[] = []
  const unread: Fault[] = []
  let broken: Fault | undefined
  const splitter = new ListSplitter((text) => {
    const object = parseJson(text, `an object among the ${resource.name}`)
    const row = object.ok ? resource.parse(object.value) : object
    if (!object.ok) broken ??= object.error
    else if (!row.ok) unread.push(row.error)
    else if (row.value !== undefined) rows.push(row.value)
  })
  const limit = options.pageSize > 0 ? { limit: String(options.pageSize) } : {}
  const got = await client.get({
    path: urlOf(resource, { ...limit, ...(next === '' ? {} : { continue: next }) }),
    signal: options.signal,
    silenceMs: options.silenceMs,
    onChunk: (chunk) => (splitter.push(chunk) ? broken : unlistable(resource, 'an endless body').fault),
  })
  if (!got.ok) return got
  const envelope = splitter.end()
  if (!envelope.ok) return err(unlistable(resource, envelope.error.found))
  const metadata = field(envelope.value, 'metadata')
  const resourceVersion = resourceVersionOf(envelope.value)
  if (resourceVersion === '') return err(unlistable(resource, 'no resourceVersion'))
  return ok({ rows, resourceVersion, unread, next: textField(metadata, 'continue') })
}

function unlistable(resource: ResourcePlace, found: string): Refusal {
  const { error } = fault(
    'bad-list',
    `list of ${resource.name}`,
    'a Kubernetes list',
    found,
    'it is asked for again; check the server’s URL',
  )
  return { ...refusedReading(error), status: 200 }
}
