// Lists: selected, paged with limit and continue. The pages of one list come from one snapshot, as those of the real
// server do; when the snapshot is gone the client gets 410 and starts again.

import { err, ok, type Result } from '../../base/result.ts'
import { badRequest, expired, type Failure, tooLarge, tooOld } from './failures.ts'
import { numberAt, parseJson } from './json.ts'
import type { KubeObject } from './object.ts'
import { type Resource, storageOf } from './resource.ts'
import { both, everything, type Matcher, parseFieldSelector, parseLabelSelector } from './selectors.ts'
import type { Store } from './store.ts'

export type Page = {
  readonly items: readonly KubeObject[]
  readonly resourceVersion: string
  /** '' on the last page. */
  readonly continueToken: string
  readonly remaining: number
}

export type Lists = {
  readonly page: (
    r: Resource,
    namespace: string,
    name: string,
    query: URLSearchParams,
  ) => Result<Page, Failure>
}

/** labelSelector and fieldSelector of a query; `name` narrows to one object, '' to none. */
export function parseSelectors(r: Resource, query: URLSearchParams, name = ''): Result<Matcher, Failure> {
  const labels = parseLabelSelector(query.get('labelSelector') ?? '')
  if (!labels.ok) return labels
  const paths = ['metadata.name', ...(r.namespaced ? ['metadata.namespace'] : []), ...r.selectable]
  const fields = parseFieldSelector(query.get('fieldSelector') ?? '', paths)
  if (!fields.ok) return fields
  const named: Matcher = name === '' ? everything : (o) => o.metadata.name === name
  return ok(both(both(labels.value, fields.value), named))
}

type Snapshot = { readonly items: readonly KubeObject[]; readonly revision: number }

/** Started paged lists whose rest is still kept; the one that was not asked for longest goes first. */
const MOST_SNAPSHOTS = 64

export function createLists(store: Store): Lists {
  // BOUNDED by MOST_SNAPSHOTS. Clients that ask the same at the same revision share one.
  const snapshots = new Map<string, Snapshot>()

  const keep = (key: string, snapshot: Snapshot): void => {
    snapshots.delete(key)
    snapshots.set(key, snapshot)
    const [oldest] = snapshots.keys()
    if (snapshots.size > MOST_SNAPSHOTS && oldest !== undefined) snapshots.delete(oldest)
  }

  const cut = (key: string, snapshot: Snapshot, start: number, limit: number): Page => {
    const { items, revision } = snapshot
    const end = limit > 0 ? Math.min(items.length, start + limit) : items.length
    const remaining = items.length - end
    if (remaining > 0) keep(key, snapshot)
    return {
      items: start === 0 && remaining === 0 ? items : items.slice(start, end),
      resourceVersion: String(revision),
      continueToken: remaining === 0 ? '' : encodeToken(revision, end),
      remaining,
    }
  }

  return {
    page: (r, namespace, name, query) => {
      const limit = Number(query.get('limit') ?? 0) || 0
      const question = [
        r.group,
        r.plural,
        namespace,
        name,
        query.get('labelSelector'),
        query.get('fieldSelector'),
      ]
      const keyAt = (revision: number): string => [...question, revision, store.historyEpoch()].join('|')
      const token = query.get('continue') ?? ''
      if (token !== '') {
        const found = decodeToken(token)
        if (!found) return err(badRequest('continue key is not valid'))
        const snapshot = snapshots.get(keyAt(found.revision))
        return snapshot ? ok(cut(keyAt(found.revision), snapshot, found.start, limit)) : err(tokenExpired)
      }
      const fresh = checkRevision(store, query)
      if (!fresh.ok) return fresh
      const revision = store.revision()
      const matches = parseSelectors(r, query, name)
      if (!matches.ok) return matches
      const all = store.list(storageOf(r), namespace)
      const items = matches.value === everything ? all : all.filter(matches.value)
      return ok(cut(keyAt(revision), { items, revision }, 0, limit))
    },
  }
}

const tokenExpired = expired(
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.',
)

const encodeToken = (revision: number, start: number): string =>
  Buffer.from(JSON.stringify({ v: 'lab/v1', rv: revision, start })).toString('base64url')

function decodeToken(token: string): { readonly revision: number; readonly start: number } | undefined {
  try {
    const value = parseJson(Buffer.from(token, 'base64url').toString())
    const revision = numberAt(value, 'rv')
    const start = numberAt(value, 'start')
    return revision === undefined || start === undefined ? undefined : { revision, start }
  } catch {
    return undefined
  }
}

/** The store always answers with the newest state, which satisfies every wish but `Exact` and the future. */
function checkRevision(store: Store, query: URLSearchParams): Result<void, Failure> {
  const asked = query.get('resourceVersion') ?? ''
  const match = query.get('resourceVersionMatch') ?? ''
  if (match !== '' && asked === '') {
    return err(badRequest('resourceVersionMatch is forbidden unless resourceVersion is provided'))
  }
  const revision = parseRevision(asked)
  if (revision === undefined)
    return err(badRequest(`Invalid value: ${JSON.stringify(asked)}: resourceVersion`))
  if (revision > store.revision()) return err(tooLarge(revision, store.revision()))
  if (match === 'Exact') {
    if (revision === 0)
      return err(badRequest('resourceVersionMatch "Exact" is forbidden for resourceVersion "0"'))
    if (revision !== store.revision()) return err(tooOld(revision, store.revision()))
  }
  return ok(undefined)
}

/** 0 for '' and '0': anything will do. */
export function parseRevision(text: string): number | undefined {
  return text === '' ? 0 : /^\d{1,15}$/.test(text) ? Number(text) : undefined
}
