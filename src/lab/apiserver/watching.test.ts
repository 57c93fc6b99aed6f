import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { silentLog } from '../../base/log.ts'
import { type JsonObject, listAt, objectAt, textAt } from './json.ts'
import { configMaps } from './kinds/plain.ts'
import { pods } from './kinds/pod.ts'
import { kubeObject } from './object.ts'
import { type ServedLab, serveLab, TOKEN } from './served_lab.ts'
import { createApiServer } from './server.ts'

let lab: ServedLab
before(async () => {
  lab = await serveLab({ scheduler: false, historyEvents: 20 })
})
after(() => lab.close())

const PATH = '/api/v1/namespaces/default/configmaps?watch=true'
const make = (name: string, labels: JsonObject = {}): void => {
  const made = lab.api.create(configMaps, 'default', kubeObject({ metadata: { name, labels } }))
  assert.ok(made.ok, JSON.stringify(made))
}
const label = (name: string, labels: JsonObject): void => {
  lab.api.update(configMaps, 'default', name, (c) => ({
    ok: true,
    value: { ...c, metadata: { ...c.metadata, labels } },
  }))
}
const text = (event: JsonObject | undefined): string =>
  event ? `${textAt(event, 'type')} ${textAt(event, 'object', 'metadata', 'name')}` : 'end'
const now = (): string => String(lab.store.revision())

test('a watch without a revision begins with what is there', async () => {
  make('there')
  const watch = await lab.watch(PATH)
  assert.equal(text(await watch.next()), 'ADDED there')
  make('later')
  assert.equal(text(await watch.next()), 'ADDED later')
  await watch.close()
})

test('a change of labels moves an object into and out of a selecting watch', async () => {
  const since = now()
  const watch = await lab.watch(`${PATH}&resourceVersion=${since}&labelSelector=in%3Dyes`)
  make('mover')
  label('mover', { in: 'yes' })
  label('mover', { in: 'yes', more: '1' })
  label('mover', { in: 'no' })
  make('end', { in: 'yes' })
  const seen = [await watch.next(), await watch.next(), await watch.next(), await watch.next()]
  assert.deepEqual(seen.map(text), ['ADDED mover', 'MODIFIED mover', 'DELETED mover', 'ADDED end'])
  const revisions = seen.map((e) => Number(textAt(e, 'object', 'metadata', 'resourceVersion')))
  assert.deepEqual(
    revisions,
    [...revisions].sort((a, b) => a - b),
  )
  await watch.close()
})

test('a watch on spec.nodeName gets a pod when it is bound', async () => {
  const watch = await lab.watch(
    `/api/v1/pods?watch=true&resourceVersion=${now()}&fieldSelector=spec.nodeName%3Dn1`,
  )
  const body = kubeObject({ metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } })
  lab.api.create(pods, 'default', body)
  lab.store.update(pods, 'default', 'p', (p) => ({
    ok: true,
    value: kubeObject({ ...p, spec: { ...objectAt(p, 'spec'), nodeName: 'n1' } }),
  }))
  assert.equal(text(await watch.next()), 'ADDED p')
  await watch.close()
})

test('a bookmark carries the present revision, only where it is wanted', async () => {
  const marked = await lab.watch(`${PATH}&resourceVersion=${now()}&allowWatchBookmarks=true`)
  const without = await lab.watch(`${PATH}&resourceVersion=${now()}`)
  lab.server.sendBookmarks()
  const bookmark = await marked.next()
  assert.equal(textAt(bookmark, 'type'), 'BOOKMARK')
  assert.equal(textAt(bookmark, 'object', 'kind'), 'ConfigMap')
  assert.equal(textAt(bookmark, 'object', 'metadata', 'resourceVersion'), now())
  make('after-bookmark')
  assert.equal(text(await without.next()), 'ADDED after-bookmark')
  await marked.close()
  await without.close()
})

test('sendInitialEvents ends the initial objects with a marked bookmark', async () => {
  const query =
    '&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&fieldSelector=metadata.name%3Dthere'
  const watch = await lab.watch(PATH + query)
  assert.equal(text(await watch.next()), 'ADDED there')
  const mark = await watch.next()
  assert.equal(textAt(mark, 'object', 'metadata', 'annotations', 'k8s.io/initial-events-end'), 'true')
  await watch.close()
})

test('a watch from before the kept history gets 410 as an event and ends', async () => {
  const since = now()
  for (let i = 0; i < 25; i++) make(`many-${i}`)
  const watch = await lab.watch(`${PATH}&resourceVersion=${since}`)
  const event = await watch.next()
  assert.equal(textAt(event, 'type'), 'ERROR')
  assert.equal(textAt(event, 'object', 'code'), '410')
  assert.equal(textAt(event, 'object', 'reason'), 'Expired')
  assert.equal(await watch.next(), undefined)
})

test('timeoutSeconds ends the watch, after a last bookmark', async () => {
  const watch = await lab.watch(`${PATH}&resourceVersion=${now()}&allowWatchBookmarks=true&timeoutSeconds=1`)
  assert.equal(textAt(await watch.next(), 'type'), 'BOOKMARK')
  assert.equal(await watch.next(), undefined)
})

test('dropped watches end, reset ones break', async () => {
  const ended = await lab.watch(`${PATH}&resourceVersion=${now()}`)
  lab.server.faults.dropWatches()
  assert.equal(await ended.next(), undefined)
  const broken = await lab.watch(`${PATH}&resourceVersion=${now()}`)
  lab.server.faults.dropWatches('reset')
  await assert.rejects(broken.next())
  assert.equal(lab.server.openWatches(), 0)
})

test('stalled watches are silent and get what they missed afterwards, while requests are answered', async () => {
  const watch = await lab.watch(`${PATH}&resourceVersion=${now()}`)
  lab.server.faults.stallWatches()
  make('missed')
  const next = watch.next()
  assert.equal((await lab.call('GET', '/api/v1/namespaces/default/configmaps/missed')).code, 200)
  lab.server.faults.resume()
  assert.equal(text(await next), 'ADDED missed')
  await watch.close()
})

test('a stalled server answers when it resumes', async () => {
  lab.server.faults.stall()
  let answered = false
  const call = lab.call('GET', '/version').then((r) => {
    answered = true
    return r.code
  })
  // The server has seen the request when a second connection to it has been accepted and is silent too.
  await fetch(`${lab.url}/healthz`, { signal: AbortSignal.timeout(100) }).catch(() => {})
  assert.equal(answered, false)
  lab.server.faults.resume()
  assert.equal(await call, 200)
})

test('a watch as Table names its columns once', async () => {
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json'
  const watch = await lab.watch(`${PATH}&resourceVersion=${now()}`, { accept })
  make('row-one')
  make('row-two')
  const [one, two] = [await watch.next(), await watch.next()]
  assert.equal(textAt(one, 'object', 'kind'), 'Table')
  assert.deepEqual(
    listAt(one, 'object', 'columnDefinitions').map((c) => textAt(c, 'name')),
    ['Name', 'Data', 'Age'],
  )
  assert.equal(listAt(two, 'object', 'columnDefinitions').length, 0)
  const row = listAt(two, 'object', 'rows')[0]
  assert.equal(textAt(row, 'object', 'metadata', 'name'), 'row-two')
  await watch.close()
})

test('all watchers of an event send the same encoded line', async () => {
  const since = lab.store.revision()
  const watches = [
    await lab.watch(`${PATH}&resourceVersion=${since}`),
    await lab.watch(`${PATH}&resourceVersion=${since}`),
  ]
  let lines: string | undefined
  const stop = lab.store.watch(configMaps, since, (e) => {
    lines = e.lines.ADDED
  })
  make('encoded-once')
  for (const watch of watches) assert.equal(text(await watch.next()), 'ADDED encoded-once')
  assert.match(lines ?? '', /encoded-once/)
  if (stop.ok) stop.value()
  for (const watch of watches) await watch.close()
})

test('the store outlives its server: a watch goes on at another one from where it was', async () => {
  const since = now()
  const other = createApiServer({ api: lab.api, log: silentLog, tokens: [] })
  const port = await other.listen({ host: '127.0.0.1', port: 0 })
  await other.close()
  make('while-away')
  const again = createApiServer({ api: lab.api, log: silentLog, tokens: [TOKEN] })
  const url = `http://127.0.0.1:${await again.listen({ host: '127.0.0.1', port })}`
  const response = await fetch(`${url}${PATH}&resourceVersion=${since}&timeoutSeconds=1`, {
    headers: { authorization: `Bearer ${TOKEN}` },
  })
  assert.match(await response.text(), /while-away/)
  await again.close()
})
