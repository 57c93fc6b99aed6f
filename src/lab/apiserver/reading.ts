// GET of an object or a collection: as object, as Table, as list in pages, or as a watch.

import { err, ok, type Result } from '../../base/result.ts'
import { type Answer, jsonAnswer, type Question } from './answer.ts'
import { type Failure, notAcceptable, notFound } from './failures.ts'
import type { JsonObject } from './json.ts'
import type { Lists, Page } from './lists.ts'
import type { KubeObject } from './object.ts'
import { parseAccept, type Target, wantedForm } from './request.ts'
import { apiVersionOf, type Resource, storageOf } from './resource.ts'
import type { Store } from './store.ts'
import { type RowObject, tableOf } from './table.ts'
import { isTrue, parseWatch } from './watch_stream.ts'

export const shown = (r: Resource, stored: KubeObject): KubeObject =>
  r.view ? r.view.outward(stored) : stored

export function read(
  store: Store,
  lists: Lists,
  target: Target,
  question: Question,
): Result<Answer, Failure> {
  const { resource: r, namespace, name } = target
  const { query } = question
  const form = wantedForm(parseAccept(question.accept))
  if (form === 'unknown') return err(notAcceptable)
  const table = form === 'table' ? rowObjectOf(query.get('includeObject')) : undefined
  if (isTrue(query.get('watch'))) {
    const watch = parseWatch(r, namespace, name, query, table)
    return watch.ok ? ok({ is: 'watch', request: watch.value }) : watch
  }
  if (name !== '') return readOne(store, r, namespace, name, table)
  const page = lists.page(r, namespace, name, query)
  if (!page.ok) return page
  return ok(table === undefined ? listAnswer(r, page.value) : tableAnswer(store, r, page.value, table))
}

const rowObjectOf = (text: string | null): RowObject =>
  text === 'None' || text === 'Object' ? text : 'Metadata'

function readOne(
  store: Store,
  r: Resource,
  namespace: string,
  name: string,
  table: RowObject | undefined,
): Result<Answer, Failure> {
  const found = store.get(storageOf(r), namespace, name)
  if (!found) return err(notFound(r, name))
  if (table === undefined) return ok(jsonAnswer(200, shown(r, found)))
  const resourceVersion = found.metadata.resourceVersion ?? ''
  const options = { nowMs: store.clock.nowMs(), include: table, resourceVersion, columns: true }
  return ok(jsonAnswer(200, tableOf(r, [shown(r, found)], options)))
}

const listMeta = (page: Page): JsonObject => ({
  resourceVersion: page.resourceVersion,
  ...(page.continueToken === '' ? {} : { continue: page.continueToken, remainingItemCount: page.remaining }),
})

function tableAnswer(store: Store, r: Resource, page: Page, include: RowObject): Answer {
  const { resourceVersion } = page
  const options = {
    nowMs: store.clock.nowMs(),
    include,
    resourceVersion,
    columns: true,
    listMeta: listMeta(page),
  }
  return jsonAnswer(
    200,
    tableOf(
      r,
      page.items.map((o) => shown(r, o)),
      options,
    ),
  )
}

/** Objects per piece of a long list: enough to be quick, few enough to keep memory flat. */
const PIECE = 200

function listAnswer(r: Resource, page: Page): Answer {
  const head = { kind: `${r.kind}List`, apiVersion: apiVersionOf(r), metadata: listMeta(page) }
  function* chunks(): Iterable<string> {
    yield `${JSON.stringify(head).slice(0, -1)},"items":[`
    for (let i = 0; i < page.items.length; i += PIECE) {
      // As in typed lists of the real server, the items do not repeat kind and apiVersion.
      const texts = page.items
        .slice(i, i + PIECE)
        .map((o) => JSON.stringify({ ...shown(r, o), kind: undefined, apiVersion: undefined }))
      yield `${i > 0 ? ',' : ''}${texts.join(',')}`
    }
    yield ']}\n'
  }
  return { is: 'chunks', chunks: chunks() }
}
