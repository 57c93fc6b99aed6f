import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { systemClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import type { Source } from '../source.ts'
import { FaultServer, nodeObject, podObject, type RequestFault, sendStatus } from '../testing/fault-server.ts'
import { RecordingSink } from '../testing/recording-sink.ts'
import { type KubernetesSourceOptions, startKubernetesSource } from './source.ts'

let server = new FaultServer()
let sink = new RecordingSink()
let source: Source | undefined
let url = new URL('http://127.0.0.1')

beforeEach(async () => {
  server = new FaultServer()
  url = await server.listen()
  sink = new RecordingSink()
})
afterEach(async () => {
  await source?.close()
  source = undefined
  await server.close()
})

function start(options: Partial<KubernetesSourceOptions> = {}): void {
  const connection = {
    server: url,
    ca: undefined,
    clientCert: undefined,
    serverName: undefined,
    insecure: false,
    token: undefined,
  }
  source = startKubernetesSource({
    connection,
    nodeName: 'a',
    sink,
    clock: systemClock,
    log: silentLog,
    backoff: { baseMs: 5, firstCapMs: 40 },
    ...options,
  })
}

async function synced(): Promise<void> {
  await sink.until(() => sink.lastStatus?.synced === true)
  await until(() => server.openWatches === 2)
}

/** For conditions of the server, which calls nobody. */
async function until(met: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !met(); i++) await systemClock.sleep(5)
  assert.ok(met(), `not met: ${met}`)
}

const nodesAre = (...names: string[]) => sink.until(() => sink.nodeNames().join() === names.join())
const lists = (kind: string) => server.seen.filter((s) => s.kind === kind && !s.isWatch)
const watches = (kind: string) => server.seen.filter((s) => s.kind === kind && s.isWatch)
/** Answers the next request that fits with a Status. */
const refuse =
  (code: number, fits: (seen: Parameters<RequestFault>[0]) => boolean): RequestFault =>
  (seen, response) => {
    if (!fits(seen)) return false
    sendStatus(response, code, code === 410 ? 'Expired' : 'Refused')
    return true
  }

test('all nodes and only the pods of this node become rows', async () => {
  server.put('nodes', nodeObject('a'))
  server.put('nodes', nodeObject('b', '192.0.2.2'))
  server.put('pods', podObject('mine', 'a'))
  server.put('pods', podObject('theirs', 'b'))
  start()
  await synced()
  assert.deepEqual(sink.nodeNames(), ['a', 'b'])
  assert.deepEqual([...sink.podRows.keys()], ['uid-mine'])
  assert.equal(sink.lastStatus?.lostSinceMs, undefined)
})

test('nothing is said to be in sync before both lists are there', async () => {
  server.faults.push((seen) => seen.kind === 'pods')
  start()
  await sink.until(() => sink.calls.includes('nodes'))
  assert.equal(sink.lastStatus?.synced, false)
})

test('added, changed and removed objects follow through the watch', async () => {
  start()
  await synced()
  server.put('nodes', nodeObject('a'))
  server.put('pods', podObject('p', 'a'))
  await sink.until(() => sink.nodeRows.has('a') && sink.podRows.has('uid-p'))
  server.put('nodes', nodeObject('a', '192.0.2.77'))
  await sink.until(() => sink.nodeRows.get('a')?.addresses[0] === '192.0.2.77')
  server.remove('nodes', 'a')
  server.remove('pods', 'p')
  await sink.until(() => sink.nodeRows.size === 0 && sink.podRows.size === 0)
  assert.equal(lists('nodes').length, 1)
})

test('a list comes in pages and its watch begins where the first page was', async () => {
  for (let i = 0; i < 7; i++) server.put('nodes', nodeObject(`n${i}`))
  const { version } = server
  start({ pageSize: 3 })
  await synced()
  assert.equal(sink.nodeRows.size, 7)
  assert.deepEqual(
    lists('nodes').map((s) => [s.query.get('limit'), s.query.has('continue')]),
    [
      ['3', false],
      ['3', true],
      ['3', true],
    ],
  )
  assert.equal(watches('nodes')[0]?.query.get('resourceVersion'), version)
  assert.equal(watches('nodes')[0]?.query.get('allowWatchBookmarks'), 'true')
})

test('a page that has expired begins the list again', async () => {
  for (let i = 0; i < 7; i++) server.put('nodes', nodeObject(`n${i}`))
  server.faults.push(refuse(410, (s) => s.query.has('continue')))
  start({ pageSize: 3 })
  await synced()
  assert.equal(sink.nodeRows.size, 7)
})

test('a list whose pages always expire is asked for in one piece', async () => {
  for (let i = 0; i < 7; i++) server.put('nodes', nodeObject(`n${i}`))
  for (let i = 0; i < 9; i++) server.faults.push(refuse(410, (s) => s.query.has('continue')))
  start({ pageSize: 3 })
  await synced()
  assert.equal(sink.nodeRows.size, 7)
  assert.equal(lists('nodes').at(-1)?.query.has('limit'), false)
})

test('a watch that ends in the regular way goes on from the last event', async () => {
  start()
  await synced()
  server.put('nodes', nodeObject('a'))
  await nodesAre('a')
  const { version } = server
  server.endWatches(false)
  await until(() => watches('nodes').length === 2)
  assert.equal(watches('nodes')[1]?.query.get('resourceVersion'), version)
  assert.equal(lists('nodes').length, 1)
})

test('after a disconnect the watch goes on from the last bookmark without a list', async () => {
  start()
  await synced()
  server.bookmark()
  const { version } = server
  // The bookmark has arrived for certain when an event behind it has.
  server.put('nodes', nodeObject('a'))
  await nodesAre('a')
  server.bookmark()
  server.put('pods', podObject('p', 'a'))
  await sink.until(() => sink.podRows.size === 1)
  server.endWatches(true)
  await synced()
  assert.ok(Number(watches('nodes').at(-1)?.query.get('resourceVersion')) > Number(version))
  assert.equal(lists('nodes').length, 1)
  server.put('nodes', nodeObject('b'))
  await nodesAre('a', 'b')
})

test('an object that went while the place was forgotten (410 as an HTTP status) goes with the next list', async () => {
  server.put('nodes', nodeObject('a'))
  server.put('nodes', nodeObject('b'))
  start()
  await synced()
  server.frozen = true
  server.remove('nodes', 'a')
  server.compact()
  server.frozen = false
  server.endWatches(true)
  await nodesAre('b')
  assert.equal(lists('nodes').length, 2)
})

test('410 as an ERROR event makes a new list', async () => {
  server.put('nodes', nodeObject('a'))
  start()
  await synced()
  server.frozen = true
  server.remove('nodes', 'a')
  server.frozen = false
  server.sendError(410, 'Expired')
  await nodesAre()
})

test('another ERROR event makes a new watch and no list', async () => {
  start()
  await synced()
  server.sendError(500, 'InternalError')
  await until(() => watches('nodes').length === 2)
  server.put('nodes', nodeObject('a'))
  await nodesAre('a')
  assert.equal(lists('nodes').length, 1)
})

test('a watch that is refused again and again makes a new list', async () => {
  start()
  await synced()
  for (let i = 0; i < 5; i++) server.faults.push(refuse(500, (s) => s.kind === 'nodes' && s.isWatch))
  server.endWatches(true)
  await until(() => lists('nodes').length === 2 && server.faults.length === 0)
  await sink.until(() => sink.lastStatus?.lostSinceMs === undefined)
})

test('an event that a disconnect cuts in the middle comes whole with the next watch', async () => {
  start()
  await synced()
  server.frozen = true
  server.put('nodes', nodeObject('a'))
  server.frozen = false
  server.sendRaw('{"type":"ADDED","object":{"metadata":{"name":"a","resour')
  server.endWatches(true)
  await nodesAre('a')
  server.endWatches(false)
  await synced()
  assert.equal(lists('nodes').length, 1)
})

test('a server that falls silent without closing is left for a new connection', async () => {
  start({ limits: { watchSilenceMs: 100 } })
  await synced()
  server.frozen = true
  server.put('nodes', nodeObject('a'))
  await until(() => watches('nodes').length >= 2)
  server.frozen = false
  await nodesAre('a')
  assert.equal(lists('nodes').length, 1)
})

test('a bookmark in time keeps a quiet watch', async () => {
  start({ limits: { watchSilenceMs: 400 } })
  await synced()
  for (let i = 0; i < 12; i++) {
    await systemClock.sleep(50)
    server.bookmark()
  }
  assert.equal(watches('nodes').length, 1)
})

test('a server that never answers is given up and asked again', async () => {
  server.put('nodes', nodeObject('a'))
  server.faults.push((seen) => seen.kind === 'nodes')
  start({ limits: { answerMs: 60 } })
  await sink.until(() => sink.lastStatus?.message.includes('nothing heard for 60 ms') === true)
  await nodesAre('a')
})

test('a list that comes byte by byte is read', async () => {
  const name = 'nödé-漢字'
  const body = JSON.stringify({
    metadata: { resourceVersion: '100' },
    items: [nodeObject('a'), nodeObject(name)],
  })
  server.faults.push((seen, response) => {
    if (seen.kind !== 'nodes') return false
    const bytes = Buffer.from(body)
    const drip = (at: number): void => {
      if (at >= bytes.length) response.end()
      else response.write(bytes.subarray(at, at + 1), () => drip(at + 1))
    }
    drip(0)
    return true
  })
  start()
  await synced()
  assert.deepEqual(sink.nodeNames(), ['a', name].sort())
})

test('a list that stops in the middle is asked for again', async () => {
  server.put('nodes', nodeObject('a'))
  server.faults.push((seen, response) => {
    if (seen.kind !== 'nodes') return false
    response.write('{"metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"ghost"}},{"meta')
    return true
  })
  start({ limits: { listSilenceMs: 60 } })
  await nodesAre('a')
})

test('garbage instead of a list or an event is told and asked for again', async () => {
  server.put('nodes', nodeObject('a'))
  const bodies = [
    '<html>please log in</html>',
    '{"items":[{]}',
    '[]',
    '{"items":[]}',
    '{"metadata":{"resourceVersion":"1"},"items":[{"a"}]}',
  ]
  for (const body of bodies)
    server.faults.push((seen, response) => {
      if (seen.kind !== 'nodes') return false
      response.end(body)
      return true
    })
  start()
  await sink.until(() => sink.lastStatus?.message.includes('list of nodes') === true)
  await synced()
  server.sendRaw('{"type":"ADDED","object":}\n')
  server.endWatches(false)
  server.put('nodes', nodeObject('b'))
  await nodesAre('a', 'b')
  assert.equal(server.faults.length, 0)
})

test('an object without a name is left out and named in the status', async () => {
  server.put('nodes', { metadata: {} })
  server.put('nodes', nodeObject('a'))
  start()
  await synced()
  assert.deepEqual(sink.nodeNames(), ['a'])
  assert.match(sink.lastStatus?.message ?? '', /1 of the nodes left out/)
  server.put('nodes', { metadata: {} })
  server.put('nodes', nodeObject('b'))
  await nodesAre('a', 'b')
})

test('while the server is gone the rows stay and the loss is told, and all recovers with its return', async () => {
  server.put('nodes', nodeObject('a'))
  start()
  await synced()
  const port = Number(url.port)
  await server.close()
  await sink.until(() => sink.lastStatus?.lostSinceMs !== undefined)
  assert.deepEqual(sink.nodeNames(), ['a'])
  assert.equal(sink.lastStatus?.synced, true)
  assert.match(sink.lastStatus?.message ?? '', /API server/)
  // Another life of the server, whose history does not reach back.
  server = new FaultServer()
  server.put('nodes', nodeObject('b'))
  for (let i = 0; i < 3; i++) server.bookmark()
  server.compact()
  await server.listen(port)
  await nodesAre('b')
  await sink.until(() => sink.lastStatus?.lostSinceMs === undefined)
})

test('a server that asks for a pause is given it', async () => {
  server.faults.push((seen, response) => {
    if (seen.kind !== 'nodes') return false
    response.setHeader('retry-after', '1')
    sendStatus(response, 429, 'TooManyRequests')
    return true
  })
  const naps: number[] = []
  const sleep = (ms: number, signal?: AbortSignal) => {
    naps.push(ms)
    return systemClock.sleep(ms === 1000 ? 1 : ms, signal)
  }
  start({ clock: { nowMs: systemClock.nowMs, sleep } })
  await synced()
  assert.ok(naps.includes(1000))
})

test('a closed source makes no more calls and leaves no connection', async () => {
  start()
  await synced()
  await source?.close()
  const calls = sink.calls.length
  await until(() => server.openWatches === 0)
  server.put('nodes', nodeObject('a'))
  assert.equal(sink.calls.length, calls)
})
